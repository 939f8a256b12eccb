package import ChatCore
import Kernel

extension FanOutPolicy {
    /// Reads the thresholds that differ from the default.
    package static func reading(_ node: StrictNode) throws(ModelError) -> FanOutPolicy {
        var policy = FanOutPolicy()
        var mapping = try node.mapping()
        if let value = mapping.optional("directMembers") {
            policy.directMembers = UInt32(try value.integer(in: 0...100_000_000))
        }
        if let value = mapping.optional("groupedMembers") {
            policy.groupedMembers = UInt32(try value.integer(in: 0...100_000_000))
        }
        if let value = mapping.optional("relayDegree") {
            policy.relayDegree = UInt16(try value.integer(in: 2...65_535))
        }
        guard policy.isSound else {
            throw node.refused(
                "hints \(policy.directMembers) members directly and \(policy.groupedMembers) at all",
                expected: "directMembers not above groupedMembers"
            )
        }
        try mapping.finish()
        return policy
    }
}
