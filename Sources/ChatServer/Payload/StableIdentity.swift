import Crypto
package import Kernel

/// The first 128 bits of SHA-256 over a domain's name and a string, so that two kinds of id never meet.
private func fingerprint(_ domain: StaticString, _ text: String) -> (high: UInt64, low: UInt64) {
    var hash = SHA256()
    hash.update(data: Array("parley/\(domain)/".utf8))
    hash.update(data: Array(text.utf8))
    var high: UInt64 = 0
    var low: UInt64 = 0
    for (index, byte) in hash.finalize().prefix(16).enumerated() {
        if index < 8 {
            high = high << 8 | UInt64(byte)
        } else {
            low = low << 8 | UInt64(byte)
        }
    }
    return (high, low)
}

extension ConversationID {
    /// The id of the conversation with this name, the same on every node.
    package init(named name: String) {
        let (high, low) = fingerprint("conversation", name)
        self.init(high: high, low: low)
    }
}

extension UserID {
    /// The id of the user whom tokens call this.
    package init(named name: String) {
        let (high, low) = fingerprint("user", name)
        self.init(high: high, low: low)
    }
}

extension MessageID {
    /// The id of a message that its client calls this.
    package init(named name: String) {
        let (high, low) = fingerprint("message", name)
        self.init(high: high, low: low)
    }
}
