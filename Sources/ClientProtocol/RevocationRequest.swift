/// What application servers say of tokens that shall not hold any more; times are in milliseconds since
/// 1970.
package enum RevocationRequest: Equatable, Sendable {
    /// The tokens with this `jti`.
    case token(id: String, expiry: UInt64?)
    /// The tokens of a user that were issued before an instant, or before now.
    case user(String, issuedBefore: UInt64?, expiry: UInt64?)

    private static let tokenMethod = "revoke_token"
    private static let userMethod = "invalidate_user_tokens"

    /// Whether a method of the server API is one of these.
    package static func isMethod(_ name: String) -> Bool {
        name == Self.tokenMethod || name == Self.userMethod
    }

    /// Reads a body, in which times are whole seconds since 1970; `nil` if it lacks what the method needs, or
    /// asks for more than that.
    package init?(method: String, parsing data: Span<UInt8>) throws(FrameError) {
        var id = ""
        var user = ""
        var issuedBefore: UInt64?
        var expiry: UInt64?
        var asksForMore = false
        var scanner = JSONScanner(0..<data.count)
        scanner.skipSpace(data)
        var walk = try scanner.enterObject(data)
        while let key = try scanner.nextKey(&walk, data) {
            switch key {
            case "uid": id = try scanner.text(data)
            case "user": user = try scanner.text(data)
            case "issued_before": issuedBefore = try scanner.milliseconds(data)
            case "expire_at": expiry = try scanner.milliseconds(data)
            case "channel": asksForMore = try scanner.text(data) != ""
            default: _ = try scanner.skipValue(data)
            }
        }
        scanner.skipSpace(data)
        guard scanner.position == data.count else { throw scanner.failure(.trailingBytes) }
        guard !asksForMore else { return nil }
        if method == Self.tokenMethod, !id.isEmpty {
            self = .token(id: id, expiry: expiry)
        } else if method == Self.userMethod, !user.isEmpty {
            self = .user(user, issuedBefore: issuedBefore, expiry: expiry)
        } else {
            return nil
        }
    }
}

extension JSONScanner {
    /// Seconds as milliseconds; `nil` for null and for 0, which is no time of ours.
    fileprivate mutating func milliseconds(_ data: Span<UInt8>) throws(FrameError) -> UInt64? {
        if try self.skipNull(data) { return nil }
        let seconds = try self.integer(data, as: UInt32.self)
        return seconds == 0 ? nil : UInt64(seconds) * 1000
    }
}
