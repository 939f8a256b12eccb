import Crypto
package import Kernel

/// A kind of id: what is hashed before the text, so that two kinds never meet.
private struct IdentityDomain {
    static let conversation = IdentityDomain("conversation")
    static let user = IdentityDomain("user")
    static let message = IdentityDomain("message")
    static let token = IdentityDomain("token")

    private let prefix: [UInt8]

    private init(_ name: String) { self.prefix = Array("parley/\(name)/".utf8) }

    /// The first 128 bits of SHA-256 over the kind and a text.
    func fingerprint(_ text: String) -> (high: UInt64, low: UInt64) {
        var text = text
        var hash = SHA256()
        unsafe self.prefix.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
        text.withUTF8 { unsafe hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        // The digest's memory is read inside the closure only.
        return unsafe hash.finalize().withUnsafeBytes { digest in
            (
                UInt64(bigEndian: unsafe digest.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: unsafe digest.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
    }
}

extension ConversationID {
    /// The id of the conversation with this name, the same on every node.
    package init(named name: String) {
        let (high, low) = IdentityDomain.conversation.fingerprint(name)
        self.init(high: high, low: low)
    }
}

extension UserID {
    /// The id of the user whom tokens call this.
    package init(named name: String) {
        let (high, low) = IdentityDomain.user.fingerprint(name)
        self.init(high: high, low: low)
    }
}

extension MessageID {
    /// The id of a message that its client calls this.
    package init(named name: String) {
        let (high, low) = IdentityDomain.message.fingerprint(name)
        self.init(high: high, low: low)
    }
}

extension TokenID {
    /// The id of the tokens whose `jti` this is.
    package init(named name: String) {
        let (high, low) = IdentityDomain.token.fingerprint(name)
        self.init(high: high, low: low)
    }
}
