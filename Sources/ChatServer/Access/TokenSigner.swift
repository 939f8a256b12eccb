import Foundation
import JWTKit

/// Makes tokens signed with HMAC SHA-256.
package struct TokenSigner: Sendable {
    private let keys: JWTKeyCollection

    private struct Claims: JWTPayload {
        var sub: String
        var exp: ExpirationClaim?
        var channel: String?

        func verify(using algorithm: some JWTAlgorithm) async throws {}
    }

    package init(hmacSecret: String) async {
        self.keys = JWTKeyCollection()
        // HMAC pads a short key with zeros anyway (RFC 2104), and the library insists on 32 bytes.
        var key = Array(hmacSecret.utf8)
        while key.count < 32 { key.append(0) }
        await self.keys.add(hmac: HMACKey(from: key), digestAlgorithm: .sha256)
    }

    /// Makes a connection token, or one for `channel`; `lifetime` in seconds, `nil` for one that does
    /// not expire.
    package func token(
        user: String,
        channel: String?,
        lifetime: UInt64?
    ) async throws -> String {
        let expiry = lifetime.map {
            ExpirationClaim(value: Date(timeIntervalSinceNow: TimeInterval($0)))
        }
        return try await self.keys.sign(Claims(sub: user, exp: expiry, channel: channel))
    }
}
