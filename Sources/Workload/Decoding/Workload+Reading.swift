import Kernel
import ClientModel

extension Workload {
    /// Reads a workload file; `file` is for messages only.
    package init(yaml: String, file: String) throws(ModelError) {
        try self.init(StrictNode(yaml: yaml, file: file))
    }

    /// Reads a workload that stands in a file of its own or inside a scenario.
    package init(_ node: StrictNode) throws(ModelError) {
        var mapping = try node.mapping()
        self.name = try mapping.required("name", expected: "text").text()
        let users = try mapping.required("users", expected: "a whole number")
        self.users = UInt32(try users.integer(in: 1...100_000_000))
        self.messageRateMillionths = try mapping.required(
            "messagesPerSecond",
            expected: "a number, for one user"
        ).millionths(in: 1...1_000_000_000)
        self.bodyBytes = UInt32(
            try mapping.required("bodyBytes", expected: "a whole number").integer(in: 2...32_768)
        )
        let day = Interval.seconds(86_400)
        self.rampUp = try mapping.required("rampUp", expected: "a time with its unit")
            .duration(in: .zero...day)
        self.duration = try mapping.required("duration", expected: "a time with its unit")
            .duration(in: .milliseconds(1)...day)
        self.settle = try mapping.required("settle", expected: "a time with its unit")
            .duration(in: .zero...day)
        self.conversations = try Self.conversations(
            mapping.required("conversations", expected: "a list of classes"),
            users: self.users
        )
        self.cohorts = []
        let cohorts = try mapping.required("cohorts", expected: "a list of cohorts")
        for item in try cohorts.items() {
            let cohort = try WeightedCohort(item)
            guard !self.cohorts.contains(where: { $0.name == cohort.name }) else {
                throw item.refused("'\(cohort.name)' is there twice", expected: "a name of its own")
            }
            self.cohorts.append(cohort)
        }
        guard !self.cohorts.isEmpty else {
            throw cohorts.refused("is empty", expected: "at least one cohort")
        }
        self.chat = try mapping.optional("chat").map { node throws(ModelError) in
            try ChatMix(node)
        }
        if let value = mapping.optional("looks") {
            self.looks = UInt32(try value.integer(in: 0...128))
        }
        if let absences = mapping.optional("absences") { self.absences = try Absences(absences) }
        if let value = mapping.optional("trespassEvery") {
            self.trespassEvery = try value.duration(in: .milliseconds(1)...day)
        }
        self.presence = try mapping.optional("presence").map { node throws(ModelError) in
            try PresenceLoad(node)
        }
        try mapping.finish()
    }

    private static func conversations(
        _ node: StrictNode,
        users: UInt32
    ) throws(ModelError) -> [ConversationClass] {
        var classes: [ConversationClass] = []
        var perUser: UInt64 = 0
        var count: UInt64 = 0
        for item in try node.items() {
            let read = try ConversationClass(item)
            let members = UInt64(read.members)
            guard read.members <= users else {
                throw item.refused(
                    "has \(read.members) members of \(users) users",
                    expected: "members: 1 to \(users)"
                )
            }
            perUser += UInt64(read.perUser)
            count += UInt64(read.perUser) * ((UInt64(users) + members - 1) / members)
            classes.append(read)
        }
        guard (1...128).contains(perUser) else {
            throw node.refused(
                "gives a user \(perUser) conversations",
                expected: "1 to 128 over all classes"
            )
        }
        guard count <= UInt64(UInt32.max) else {
            throw node.refused("makes \(count) conversations", expected: "at most \(UInt32.max)")
        }
        return classes
    }
}

extension Workload.Absences {
    init(_ node: StrictNode) throws(ModelError) {
        var mapping = try node.mapping()
        let day = Interval.seconds(86_400)
        self.every = try mapping.required("every", expected: "a time with its unit")
            .duration(in: .milliseconds(1)...day)
        self.shortest = try mapping.required("shortest", expected: "a time with its unit")
            .duration(in: .zero...day)
        self.longest = try mapping.required("longest", expected: "a time with its unit")
            .duration(in: self.shortest...day)
        self.silentMillionths = try mapping.required("silent", expected: "a part of 1")
            .millionths(in: 0...1_000_000)
        try mapping.finish()
    }
}

extension Workload.PresenceLoad {
    init(_ node: StrictNode) throws(ModelError) {
        var mapping = try node.mapping()
        self.watches = UInt32(
            try mapping.required("watches", expected: "a whole number").integer(in: 1...128)
        )
        self.dropMillionths =
            try mapping.optional("dropsPerSecond")?.millionths(in: 0...1_000_000_000_000) ?? 0
        self.leaveMillionths =
            try mapping.optional("leavesPerSecond")?.millionths(in: 0...1_000_000_000_000) ?? 0
        self.celebrities = UInt32(try mapping.optional("celebrities")?.integer(in: 1...128) ?? 0)
        try mapping.finish()
    }
}

extension Workload.ConversationClass {
    init(_ node: StrictNode) throws(ModelError) {
        var mapping = try node.mapping()
        self.members = UInt32(
            try mapping.required("members", expected: "a whole number").integer(in: 1...10_000_000)
        )
        self.perUser = UInt32(
            try mapping.required("perUser", expected: "a whole number").integer(in: 1...128)
        )
        try mapping.finish()
    }
}

extension Workload.ChatMix {
    init(_ node: StrictNode) throws(ModelError) {
        self.init()
        var mapping = try node.mapping()
        func part(_ key: String) throws(ModelError) -> UInt64 {
            try mapping.optional(key)?.millionths(in: 0...1_000_000) ?? 0
        }
        self.replies = try part("replies")
        self.edits = try part("edits")
        self.deletions = try part("deletions")
        self.reactions = try part("reactions")
        self.churn = try part("churn")
        self.marks = try part("marks")
        let sum = self.replies + self.edits + self.deletions + self.reactions + self.churn
        guard sum <= 1_000_000 else {
            throw node.refused("adds up to more than all", expected: "parts of 1 in all")
        }
        try mapping.finish()
    }
}

extension Workload.WeightedCohort {
    init(_ node: StrictNode) throws(ModelError) {
        var mapping = try node.mapping()
        self.name = try mapping.required("name", expected: "text").text()
        self.share = UInt32(
            try mapping.required("share", expected: "a whole number").integer(in: 1...1_000_000)
        )
        self.cohort = Cohort()
        if let value = mapping.optional("backoffMinimum") {
            self.cohort.backoffMinimumMilliseconds = UInt16(try value.milliseconds(in: 1...60_000))
        }
        if let value = mapping.optional("reconnectMaximum") {
            self.cohort.reconnectMaximumMilliseconds = UInt32(
                try value.milliseconds(in: 1...3_600_000)
            )
        }
        if let value = mapping.optional("repeatMaximum") {
            self.cohort.repeatMaximumMilliseconds = UInt32(
                try value.milliseconds(in: 1...3_600_000)
            )
        }
        if let value = mapping.optional("commandTimeout") {
            self.cohort.commandTimeoutMilliseconds = UInt16(try value.milliseconds(in: 1...60_000))
        }
        if let value = mapping.optional("pingSlack") {
            self.cohort.pingSlackMilliseconds = UInt16(try value.milliseconds(in: 1...60_000))
        }
        if let value = mapping.optional("sendLimit") {
            self.cohort.sendLimit = UInt8(try value.integer(in: 1...128))
        }
        if let value = mapping.optional("pageLimit") {
            self.cohort.pageLimit = UInt16(try value.integer(in: 1...300))
        }
        if let value = mapping.optional("readsWholeLog") {
            self.cohort.readsWholeLog = try value.boolean()
        }
        if let value = mapping.optional("bytesPerSecond") {
            self.bytesPerSecond = try value.integer(in: 100...1_000_000_000)
        }
        if let value = mapping.optional("eager") { self.cohort.isEager = try value.boolean() }
        try mapping.finish()
    }
}

extension StrictNode {
    /// A time of whole milliseconds.
    fileprivate func milliseconds(in range: ClosedRange<UInt64>) throws(ModelError) -> UInt64 {
        let interval = try self.duration(
            in: .milliseconds(range.lowerBound) ... .milliseconds(range.upperBound)
        )
        guard interval.nanoseconds.isMultiple(of: 1_000_000) else {
            throw self.refused("is finer than a millisecond", expected: "whole milliseconds")
        }
        return interval.nanoseconds / 1_000_000
    }
}
