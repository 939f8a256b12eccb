package import Foundation
import JWTKit
package import Kernel

/// The claims of a connection token that this server reads.
struct ConnectionClaims: JWTPayload {
    /// The user; empty means anonymous.
    var sub: String
    var exp: ExpirationClaim?
    var channel: String?

    func verify(using algorithm: some JWTAlgorithm) async throws {
        try self.exp?.verifyNotExpired()
    }
}

/// Who a token speaks for.
package enum TokenVerdict: Sendable, Equatable {
    case accepted(user: String, timeToLive: Interval?)
    case expired
    case invalid
}

/// Checks and makes tokens signed with HMAC SHA-256.
package struct TokenVerifier: Sendable {
    private let keys: JWTKeyCollection
    private let plain: PlainTokens

    package init(hmacSecret: String) async {
        self.keys = JWTKeyCollection()
        self.plain = PlainTokens(hmacSecret: hmacSecret)
        // HMAC pads a short key with zeros anyway (RFC 2104), and the library insists on 32 bytes.
        var key = Array(hmacSecret.utf8)
        while key.count < 32 { key.append(0) }
        await self.keys.add(hmac: HMACKey(from: key), digestAlgorithm: .sha256)
    }

    /// The verdict that `verify` would come to, for a token that is plain enough to be sure of it.
    package func verdictAtOnce(_ token: String, at now: Date) -> TokenVerdict? {
        guard let claims = self.plain.claims(of: token) else { return nil }
        guard let expiry = claims.expiry else {
            return .accepted(user: claims.user, timeToLive: nil)
        }
        let left = TimeInterval(expiry) - now.timeIntervalSince1970
        guard left > 0 else { return .expired }
        return .accepted(user: claims.user, timeToLive: Self.timeToLive(left))
    }

    /// How long a token lasts that has so many seconds left.
    private static func timeToLive(_ seconds: TimeInterval) -> Interval {
        .milliseconds(UInt64(min(max(0, seconds), 1e9) * 1000))
    }

    /// The verdict on any token.
    package func verify(_ token: String) async -> TokenVerdict {
        guard Self.isSignedWithHMAC(token) else { return .invalid }
        do {
            let claims = try await self.keys.verify(token, as: ConnectionClaims.self)
            let timeToLive = claims.exp.map { Self.timeToLive($0.value.timeIntervalSinceNow) }
            return .accepted(user: claims.sub, timeToLive: timeToLive)
        } catch let error as JWTError where error.errorType == .claimVerificationFailure {
            return .expired
        } catch {
            return .invalid
        }
    }

    /// Whether the header names the one algorithm that is in use; the library goes by the key alone.
    private static func isSignedWithHMAC(_ token: String) -> Bool {
        struct Header: Decodable { var alg: String }
        var text = token.prefix { $0 != "." }.replacing("-", with: "+").replacing("_", with: "/")
        while !text.count.isMultiple(of: 4) { text.append("=") }
        guard let data = Data(base64Encoded: String(text)) else { return false }
        do {
            return try JSONDecoder().decode(Header.self, from: data).alg == "HS256"
        } catch {
            return false
        }
    }

    /// Makes a token; `lifetime` in seconds, `nil` for one that does not expire.
    package func token(
        user: String,
        channel: String?,
        lifetime: UInt64?
    ) async throws -> String {
        let expiry = lifetime.map {
            ExpirationClaim(value: Date(timeIntervalSinceNow: TimeInterval($0)))
        }
        return try await self.keys.sign(
            ConnectionClaims(sub: user, exp: expiry, channel: channel)
        )
    }
}
