import Kernel

/// What of a row's fields is stable enough to go into a state's digest.
extension Digest128 {
    mutating func combine(_ id: ConversationID) {
        self.combine(id.high)
        self.combine(id.low)
    }

    mutating func combine(_ id: UserID) {
        self.combine(id.high)
        self.combine(id.low)
    }

    mutating func combine(_ position: Position?) {
        self.combine(position.map { UInt64($0.epoch.rawValue) } ?? .max)
        self.combine(position?.offset.rawValue ?? .max)
    }

    mutating func combine(_ since: RecoveryRequest) {
        self.combine(since.epoch.map { UInt64($0.rawValue) } ?? .max)
        self.combine(since.offset.rawValue)
        self.combine(since.refusesUnrecovered ? 1 : 0)
    }

    mutating func combine(_ phase: Connection.Phase) {
        switch phase {
        case .vacant: self.combine(0)
        case .opened: self.combine(1)
        case .authenticating(let command):
            self.combine(2)
            self.combine(UInt64(command.rawValue))
        case .rejected: self.combine(3)
        case .connected: self.combine(4)
        case .closing: self.combine(5)
        case .leaving: self.combine(6)
        case .joining(let command):
            self.combine(7)
            self.combine(UInt64(command.rawValue))
        }
    }

    mutating func combine(_ join: Join) {
        self.combine(join.timeToLive?.nanoseconds ?? .max)
        switch join.phase {
        case .waiting(let since):
            self.combine(1)
            self.combine(UInt64(join.command.rawValue))
            if let since { self.combine(since) }
        case .recovering(let since):
            self.combine(2)
            self.combine(UInt64(join.command.rawValue))
            self.combine(since)
        case .checking(let since):
            self.combine(4)
            self.combine(UInt64(join.command.rawValue))
            if let since { self.combine(since) }
        case .covered(let position):
            self.combine(5)
            self.combine(position)
        case .catchingUp(let position):
            self.combine(6)
            self.combine(position)
        }
    }

    mutating func combine(_ phase: FeedPosition.Phase) {
        switch phase {
        case .registering: self.combine(0)
        case .live: self.combine(1)
        case .closingHole: self.combine(2)
        case .ending: self.combine(3)
        }
    }

    mutating func combine(_ phase: Sequencer.Phase) {
        switch phase {
        case .loading: self.combine(0)
        case .open: self.combine(1)
        case .settling: self.combine(2)
        case .readingBack: self.combine(3)
        }
    }

    mutating func combine(_ fate: OwnedMessage.Fate) {
        switch fate {
        case .waiting: self.combine(0)
        case .appending(let offset):
            self.combine(1)
            self.combine(offset.rawValue)
        case .parked(let offset, let outcome):
            self.combine(2)
            self.combine(offset.rawValue)
            switch outcome {
            case .done: self.combine(0)
            case .duplicate(let first, _):
                self.combine(1)
                self.combine(first.rawValue)
            case .fenced: self.combine(2)
            case .failed: self.combine(3)
            case .unknown: self.combine(4)
            case .refused(let code):
                self.combine(5)
                self.combine(UInt64(code.rawValue))
            }
        case .found(let offset, let unixMilliseconds, let isDuplicate):
            self.combine(3)
            self.combine(offset.rawValue)
            self.combine(unixMilliseconds)
            self.combine(isDuplicate ? 1 : 0)
        case .absent: self.combine(4)
        case .refused(let code):
            self.combine(5)
            self.combine(UInt64(code.rawValue))
        }
    }

    mutating func combine(_ request: PendingRequest) {
        switch request {
        case .vacant: self.combine(0)
        case .publish(_, let command, let isSend, _):
            self.combine(1)
            self.combine(UInt64(command.rawValue))
            self.combine(isSend ? 1 : 0)
        case .subscribePage: self.combine(2)
        case .holePage: self.combine(3)
        case .history(_, let command, _):
            self.combine(4)
            self.combine(UInt64(command.rawValue))
        case .load: self.combine(5)
        case .append: self.combine(6)
        case .lookUp: self.combine(7)
        case .readBack: self.combine(8)
        case .leases: self.combine(9)
        case .create(let reference, _, let command, _):
            self.combine(10)
            self.combine(reference.id)
            self.combine(UInt64(command.rawValue))
        case .admission: self.combine(11)
        case .standing: self.combine(12)
        case .mark(_, let command, let conversation):
            self.combine(13)
            self.combine(UInt64(command.rawValue))
            self.combine(conversation)
        case .list(_, let command):
            self.combine(14)
            self.combine(UInt64(command.rawValue))
        case .lateHistory: self.combine(15)
        case .lateServerHistory: self.combine(21)
        case .serverPublish(let id, let cost):
            self.combine(16)
            self.combine(id.rawValue)
            self.combine(UInt64(cost))
        case .serverHistory(let id, _):
            self.combine(17)
            self.combine(id.rawValue)
        case .account(_, let command):
            self.combine(18)
            self.combine(UInt64(command.rawValue))
        case .typing(_, let conversation, _):
            self.combine(19)
            self.combine(conversation)
        case .gathering: self.combine(20)
        case .census: self.combine(22)
        case .lagPage: self.combine(23)
        case .audience: self.combine(24)
        case .plans: self.combine(25)
        }
    }

    mutating func combine(_ operation: ChatAction) {
        var writer = ByteWriter()
        writer.value(operation)
        self.combine(Digest128(of: writer.bytes[...]).low)
    }

    mutating func combine(_ deadline: Deadline) {
        switch deadline {
        case .connect: self.combine(0)
        case .expire: self.combine(1)
        case .request: self.combine(2)
        case .renewals: self.combine(3)
        case .hole: self.combine(4)
        case .storeRetry: self.combine(5)
        case .pings: self.combine(6)
        case .heads: self.combine(7)
        case .leases: self.combine(8)
        case .drain: self.combine(9)
        case .registration: self.combine(10)
        case .joining: self.combine(11)
        case .ending: self.combine(12)
        case .subscription: self.combine(13)
        case .presence(let deadline): self.combine(deadline)
        case .hints(let deadline): self.combine(deadline)
        case .subscriptionExpiry: self.combine(14)
        case .feeding: self.combine(16)
        }
    }
}
