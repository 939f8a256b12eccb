import Foundation

/// The claims that this server reads, of both kinds of token.
struct TokenClaims: Decodable {
    /// The user; empty means anonymous.
    var sub: String
    /// Seconds since 1970, as all the times here.
    var exp: Double?
    var nbf: Double?
    var iat: Double?
    var jti: String?
    var iss: String?
    var aud: Audiences?
    /// When what the token grants ends, if that is not when the token does; 0 is never.
    var expireAt: Double?
    /// The channel of a subscription token.
    var channel: String?
    /// Channels that the connection is subscribed to by the server.
    var channels: [String]?

    private enum CodingKeys: String, CodingKey {
        case sub, exp, nbf, iat, jti, iss, aud, channel, channels
        case expireAt = "expire_at"
    }

    /// One audience or several (RFC 7519, section 4.1.3).
    struct Audiences: Decodable {
        var names: [String]

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            do {
                self.names = [try container.decode(String.self)]
            } catch DecodingError.typeMismatch {
                self.names = try container.decode([String].self)
            }
        }
    }

    /// How many seconds what the token grants will last; `nil` if it does not end.
    func secondsLeft(at now: Date) -> Double? {
        guard let end = self.expireAt ?? self.exp, end != 0 || self.expireAt == nil else {
            return nil
        }
        return end - now.timeIntervalSince1970
    }
}
