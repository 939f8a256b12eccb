package import ChatCore
import ClientProtocol
package import Foundation
package import Kernel

/// Whom a connection token speaks for.
package enum TokenVerdict: Sendable, Equatable {
    case accepted(user: String, timeToLive: Interval?, TokenGrants)
    case expired
    case invalid
}

/// What tokens are checked against; its description says nothing of the keys.
package struct TokenPolicy: Sendable, CustomStringConvertible {
    package var keys: [TokenKeySource]
    /// The `aud` that tokens must name, if any.
    package var audience: String?
    /// The `iss` that tokens must have, if any.
    package var issuer: String?

    package init(keys: [TokenKeySource], audience: String? = nil, issuer: String? = nil) {
        self.keys = keys
        self.audience = audience
        self.issuer = issuer
    }

    package var description: String {
        "\(self.keys.count) keys, audience \(self.audience ?? "any"), issuer \(self.issuer ?? "any")"
    }
}

/// Checks tokens: their signature, their times, and whom they are for.
package struct TokenVerifier: Sendable {
    private let keys: TokenKeys
    private let audience: String?
    private let issuer: String?
    /// For the tokens that nearly all clients bring, if nothing more is asked of them.
    private let plain: PlainTokens?

    package init(_ policy: TokenPolicy) async throws(TokenKeyError) {
        self.keys = try await TokenKeys(policy.keys)
        self.audience = policy.audience
        self.issuer = policy.issuer
        var plain: PlainTokens?
        if policy.audience == nil, policy.issuer == nil {
            for case .secret(let secret) in policy.keys { plain = PlainTokens(hmacSecret: secret) }
        }
        self.plain = plain
    }

    /// The verdict on a connection token; one that names a channel is none.
    package func verdict(onConnectionToken token: String, at now: Date) -> TokenVerdict {
        self.verdictAtOnce(token, at: now) ?? self.carefulVerdict(token, at: now)
    }

    /// The verdict that `carefulVerdict` would come to, for a token that is plain enough to be sure of
    /// it.
    package func verdictAtOnce(_ token: String, at now: Date) -> TokenVerdict? {
        guard let claims = self.plain?.claims(of: token) else { return nil }
        guard let expiry = claims.expiry else {
            return .accepted(user: claims.user, timeToLive: nil, TokenGrants())
        }
        let left = Double(expiry) - now.timeIntervalSince1970
        guard left > 0 else { return .expired }
        return .accepted(user: claims.user, timeToLive: Self.interval(left), TokenGrants())
    }

    /// The verdict on any connection token.
    package func carefulVerdict(_ token: String, at now: Date) -> TokenVerdict {
        guard let (claims, notes) = self.claims(of: token), claims.channel == nil,
            let grants = TokenGrants(notes, channels: claims.channels ?? [])
        else { return .invalid }
        guard Self.isCurrent(claims, at: now) else { return .expired }
        let left = claims.secondsLeft(at: now)
        guard left.map({ $0 > 0 }) ?? true else { return .expired }
        return .accepted(user: claims.sub, timeToLive: left.map(Self.interval), grants)
    }

    /// The verdict on a token with which `user` subscribes to `channel`, and what it says of the
    /// subscription if it is good.
    package func ruling(
        onSubscriptionToken token: String,
        of user: String,
        for channel: String,
        at now: Date
    ) -> (grant: SubscriptionGrant, granted: Granted) {
        let nothing = Granted(channel: channel)
        guard let (claims, notes) = self.claims(of: token), let named = claims.channel,
            let granted = Granted(channel, notes.own)
        else { return (.invalid, nothing) }
        guard Self.isCurrent(claims, at: now) else { return (.expired, nothing) }
        guard claims.sub == user, named == channel else { return (.foreign, nothing) }
        let left = claims.secondsLeft(at: now)
        guard left.map({ $0 > 0 }) ?? true else { return (.expired, nothing) }
        return (.accepted(timeToLive: left.map(Self.interval)), granted)
    }

    /// The claims of a token with a good signature, from the issuer and for the audience.
    private func claims(of token: String) -> (TokenClaims, TokenNotes)? {
        guard let bytes = self.keys.claims(of: token) else { return nil }
        let claims: TokenClaims
        let notes: TokenNotes
        do {
            claims = try JSONDecoder().decode(TokenClaims.self, from: bytes)
            let json = Array(bytes)
            notes = try TokenNotes(parsing: json.span)
        } catch {
            return nil
        }
        if let issuer = self.issuer, claims.iss != issuer { return nil }
        if let audience = self.audience, claims.aud?.names.contains(audience) != true { return nil }
        return (claims, notes)
    }

    private static func isCurrent(_ claims: TokenClaims, at now: Date) -> Bool {
        let time = now.timeIntervalSince1970
        return claims.exp.map { $0 > time } ?? true && claims.nbf.map { $0 <= time } ?? true
    }

    static func interval(_ seconds: Double) -> Interval {
        .milliseconds(UInt64(min(max(0, seconds), 1e9) * 1000))
    }
}
