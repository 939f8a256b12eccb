package import ChatCore

extension ErrorCode {
    /// The text that goes with the code.
    package var message: StaticString {
        switch self {
        case .internal: "internal server error"
        case .unauthorized: "unauthorized"
        case .unknownConversation: "unknown channel"
        case .permissionDenied: "permission denied"
        case .methodNotFound: "method not found"
        case .alreadySubscribed: "already subscribed"
        case .limitExceeded: "limit exceeded"
        case .badRequest: "bad request"
        case .notAvailable: "not available"
        case .tokenExpired: "token expired"
        case .expired: "expired"
        case .tooManyRequests: "too many requests"
        case .unrecoverablePosition: "unrecoverable position"
        case .notMember: "not a member"
        case .notFound: "not found"
        case .roleTooLow: "not allowed in this role"
        case .unchanged: "unchanged"
        case .lastOwner: "the last owner"
        case .tooLarge: "too large"
        case .unsupportedType: "unsupported media type"
        }
    }

    /// Whether the client may try the same again.
    package var isTemporary: Bool {
        switch self {
        case .internal, .tooManyRequests: true
        case .unauthorized, .unknownConversation, .permissionDenied, .methodNotFound,
            .alreadySubscribed, .limitExceeded, .badRequest, .notAvailable, .tokenExpired,
            .expired, .unrecoverablePosition, .notMember, .notFound, .roleTooLow, .unchanged,
            .lastOwner, .tooLarge, .unsupportedType:
            false
        }
    }
}

extension CloseCode {
    /// The text of the close frame; the frame has room for 123 bytes.
    package var reason: StaticString {
        switch self {
        case .messageTooBig: "message size limit exceeded"
        case .shutdown: "shutdown"
        case .internalError: "internal server error"
        case .connectionExpired: "connection expired"
        case .subscriptionExpired: "subscription expired"
        case .slow: "slow"
        case .writeError: "write error"
        case .insufficientState: "insufficient state"
        case .forceReconnect: "force reconnect"
        case .noPong: "no pong"
        case .tooManyRequests: "too many requests"
        case .stateInvalidated: "state invalidated"
        case .invalidToken: "invalid token"
        case .badRequest: "bad request"
        case .stale: "stale"
        case .forceDisconnect: "force disconnect"
        case .connectionLimit: "connection limit"
        case .conversationLimit: "channel limit"
        case .inappropriateProtocol: "inappropriate protocol"
        case .permissionDenied: "permission denied"
        case .notAvailable: "not available"
        case .tooManyErrors: "too many errors"
        }
    }

    /// Whether clients of the protocol come back by themselves after this code.
    package var invitesReconnect: Bool {
        Self.invitesReconnect(self.rawValue)
    }

    /// The rule that all client libraries apply to a close code.
    package static func invitesReconnect(_ code: UInt16) -> Bool {
        switch code {
        case 1009, 3500...3999, 4500...4999: false
        default: true
        }
    }
}

extension UnsubscribeCode {
    /// The text that goes with the code.
    package var reason: StaticString {
        switch self {
        case .server: "server unsubscribe"
        case .insufficientState: "insufficient state"
        case .subscriptionExpired: "subscription expired"
        case .stateInvalidated: "state invalidated"
        }
    }
}
