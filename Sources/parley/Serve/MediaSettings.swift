import ChatServer
import Kernel
import Workload

extension MediaPolicy {
    /// What the key `media` says; `nil` if it says that no files are taken.
    static func reading(_ node: StrictNode) throws(ModelError) -> MediaPolicy? {
        guard node.isMapping else { return try node.boolean() ? MediaPolicy() : nil }
        var policy = MediaPolicy()
        var mapping = try node.mapping()
        if let value = mapping.optional("size") {
            policy.size = try value.integer(in: 1...(1 << 40))
        }
        if let value = mapping.optional("perUser") {
            policy.perUser = try value.integer(in: 1...(1 << 50))
        }
        if let value = mapping.optional("types") {
            var types: [String] = []
            for item in try value.items() { types.append(try Self.pattern(item)) }
            policy.types = types
        }
        if let value = mapping.optional("url") { policy.url = try Self.prefix(value) }
        if let value = mapping.optional("ticketLife") {
            policy.ticketLife = .seconds(try value.seconds(in: 1...86_400))
        }
        if let value = mapping.optional("urlLife") {
            policy.urlLife = .seconds(try value.seconds(in: 1...604_800))
        }
        if let value = mapping.optional("patience") {
            policy.patience = try value.duration(in: .seconds(1) ... .seconds(600))
        }
        try mapping.finish()
        return policy
    }

    /// A media type, or a whole family of them.
    private static func pattern(_ node: StrictNode) throws(ModelError) -> String {
        let text = try node.text().lowercased()
        guard MediaPolicy.isPattern(text) else {
            throw node.refused(
                "'\(text)' is no media type",
                expected: "such as image/png or image/*"
            )
        }
        return text
    }

    private static func prefix(_ node: StrictNode) throws(ModelError) -> String {
        let text = try node.text()
        let isFit =
            (text.hasPrefix("https://") || text.hasPrefix("http://")) && !text.hasSuffix("/")
            && text.utf8.allSatisfy { 0x21...0x7e ~= $0 }
        guard isFit else {
            throw node.refused(
                "'\(text)' is no beginning of a URL",
                expected: "http:// or https://, a host, and no slash at the end"
            )
        }
        return text
    }
}
