package import Kernel

/// A token's own id: 128 bits of a cryptographic hash of its `jti`.
package struct TokenID: Hashable, Sendable {
    package var high: UInt64
    package var low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// What a token can be revoked by.
package struct TokenMark: Equatable, Sendable {
    /// Of its `jti`; `nil` if it has none.
    package var id: TokenID?
    package var user: UserID
    /// In milliseconds since 1970; 0 if the token does not say, so that it is older than any that does.
    package var issuedAt: UInt64

    package init(id: String?, user: String, issuedAt seconds: Double?) {
        self.id = id.flatMap { $0.isEmpty ? nil : TokenID(named: $0) }
        self.user = UserID(named: user)
        let milliseconds = (seconds ?? 0) * 1000
        self.issuedAt = milliseconds > 0 && milliseconds < 1e18 ? UInt64(milliseconds) : 0
    }
}

/// Tokens that hold no more, whatever their signature says, until `expiry`.
///
/// Times are in milliseconds since 1970.
package struct Revocation: Equatable, Sendable {
    /// Of what kind of tokens.
    package enum Subject: Equatable, Sendable {
        case token(TokenID)
        /// Those of a user that were issued before.
        case user(UserID, issuedBefore: UInt64)
    }

    package var subject: Subject
    package var expiry: UInt64

    package init(_ subject: Subject, until expiry: UInt64) {
        self.subject = subject
        self.expiry = expiry
    }
}
