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

/// What a connection token is good for, and what can revoke it.
package struct CheckedToken: Sendable, Equatable {
    package var verdict: TokenVerdict
    /// `nil` if nothing is known of it.
    package var mark: TokenMark?

    static let invalid = Self(verdict: .invalid, mark: nil)
}

/// Checks tokens: their signature, their times, whom they are for, and that nobody has revoked them.
package struct TokenVerifier: Sendable {
    private let keys: TokenKeys
    private let audience: String?
    private let issuer: String?
    /// For the tokens that nearly all clients bring, if nothing more is asked of them.
    private let plain: PlainTokens?
    private let revocations: Revocations?

    package init(
        _ policy: TokenPolicy,
        revocations: Revocations? = nil
    ) async throws(TokenKeyError) {
        self.keys = try await TokenKeys(policy.keys)
        self.audience = policy.audience
        self.issuer = policy.issuer
        self.revocations = revocations
        var plain: PlainTokens?
        if policy.audience == nil, policy.issuer == nil {
            for case .secret(let secret) in policy.keys { plain = PlainTokens(hmacSecret: secret) }
        }
        self.plain = plain
    }

    /// Checks a connection token; one that names a channel is none.
    package func check(connectionToken token: String, at now: Date) -> CheckedToken {
        let checked = self.checkAtOnce(token, at: now) ?? self.carefulCheck(token, at: now)
        guard let mark = checked.mark, self.isRevoked(mark, at: now) else { return checked }
        return .invalid
    }

    /// Whether a token that was good holds no more.
    package func isRevoked(_ mark: TokenMark, at now: Date) -> Bool {
        guard let revocations = self.revocations else { return false }
        return revocations.covers(mark, at: Self.milliseconds(now))
    }

    /// The time as revocations count it.
    package static func milliseconds(_ now: Date) -> UInt64 {
        UInt64(max(0, now.timeIntervalSince1970) * 1000)
    }

    /// What `carefulCheck` would find, for a token that is plain enough to be sure of it.
    package func checkAtOnce(_ token: String, at now: Date) -> CheckedToken? {
        guard let claims = self.plain?.claims(of: token) else { return nil }
        let mark = TokenMark(id: nil, user: claims.user, issuedAt: nil)
        guard let expiry = claims.expiry else {
            let verdict = TokenVerdict.accepted(
                user: claims.user,
                timeToLive: nil,
                TokenGrants()
            )
            return CheckedToken(verdict: verdict, mark: mark)
        }
        let left = Double(expiry) - now.timeIntervalSince1970
        guard left > 0 else { return CheckedToken(verdict: .expired, mark: mark) }
        let verdict = TokenVerdict.accepted(
            user: claims.user,
            timeToLive: Self.interval(left),
            TokenGrants()
        )
        return CheckedToken(verdict: verdict, mark: mark)
    }

    /// Checks any connection token, whether it was revoked aside.
    package func carefulCheck(_ token: String, at now: Date) -> CheckedToken {
        guard let (claims, notes) = self.claims(of: token), claims.channel == nil,
            let grants = TokenGrants(notes, channels: claims.channels ?? [])
        else { return .invalid }
        let mark = TokenMark(id: claims.jti, user: claims.sub, issuedAt: claims.iat)
        let left = claims.secondsLeft(at: now)
        guard Self.isCurrent(claims, at: now), left.map({ $0 > 0 }) ?? true else {
            return CheckedToken(verdict: .expired, mark: mark)
        }
        let verdict = TokenVerdict.accepted(
            user: claims.sub,
            timeToLive: left.map(Self.interval),
            grants
        )
        return CheckedToken(verdict: verdict, mark: mark)
    }

    /// The verdict on a token with which `user` subscribes to `channel`, what it says of the subscription
    /// if it is good, and what can revoke it; one that is revoked is worth as much as one that nobody
    /// signed.
    package func ruling(
        onSubscriptionToken token: String,
        of user: String,
        for channel: String,
        at now: Date
    ) -> (grant: SubscriptionGrant, granted: Granted, mark: TokenMark?) {
        let nothing = Granted(channel: channel)
        guard let (claims, notes) = self.claims(of: token), let named = claims.channel,
            let granted = Granted(channel, notes.own)
        else { return (.invalid, nothing, nil) }
        guard Self.isCurrent(claims, at: now) else { return (.expired, nothing, nil) }
        guard claims.sub == user, named == channel else { return (.foreign, nothing, nil) }
        let left = claims.secondsLeft(at: now)
        guard left.map({ $0 > 0 }) ?? true else { return (.expired, nothing, nil) }
        let mark = TokenMark(id: claims.jti, user: claims.sub, issuedAt: claims.iat)
        guard !self.isRevoked(mark, at: now) else { return (.invalid, nothing, nil) }
        return (.accepted(timeToLive: left.map(Self.interval)), granted, mark)
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
