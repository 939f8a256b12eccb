package import ChatCore
import Kernel

extension OverloadPolicy {
    /// Reads `true`, `false` (nothing is refused, however late), or the waits that differ from the
    /// default.
    package static func reading(_ node: StrictNode) throws(ModelError) -> OverloadPolicy? {
        guard node.isMapping else { return try node.boolean() ? OverloadPolicy() : nil }
        var policy = OverloadPolicy()
        var mapping = try node.mapping()
        let range = Interval.milliseconds(1) ... .seconds(60)
        func wait(_ key: String, _ path: WritableKeyPath<Self, Interval>) throws(ModelError) {
            guard let value = mapping.optional(key) else { return }
            policy[keyPath: path] = try value.duration(in: range)
        }
        try wait("leastTold", \.leastTold)
        try wait("held", \.held)
        try wait("history", \.history)
        try wait("connections", \.connections)
        try wait("messages", \.messages)
        try wait("everything", \.everything)
        guard policy.isOrdered else {
            throw node.refused(
                "sheds in another order",
                expected: "leastTold, held, history, connections, messages, everything"
            )
        }
        try mapping.finish()
        return policy
    }
}
