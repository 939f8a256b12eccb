import ChatCore
import ClientProtocol
import Foundation
import Kernel
import NIOCore

/// What is to happen to some of a user's connections.
struct UserOrder: Sendable {
    enum Action: Sendable {
        /// The channel, from where on, and what is said of the subscription.
        case subscribe(String, since: RecoveryRequest?, Granted)
        case unsubscribe(ConversationID)
        case disconnect(Farewell)
        case refresh(timeToLive: Interval?)
    }

    var user: String
    /// Empty is any.
    var client: String
    var session: String
    var spared: Set<String>
    var action: Action

    /// Whether a user's connection is one of those that are meant.
    func means(_ socket: ClientSocket) -> Bool {
        guard socket.isIdentified, socket.user == self.user else { return false }
        return (self.client.isEmpty || self.client == socket.client)
            && !self.spared.contains(socket.client)
            && (self.session.isEmpty || self.session == socket.session)
    }
}

/// What an application server says to whom it sends away.
struct Farewell: Equatable, Sendable {
    /// On the wire.
    var code: UInt16
    var reason: String
    /// What the core knows it as.
    var meaning: CloseCode

    /// A code of the protocol with its own text, or one of the application's, from 4000 to 4999.
    init?(code: UInt32, reason: String) {
        guard let code = UInt16(exactly: code), reason.utf8.count <= Self.reasonLimit else {
            return nil
        }
        if let known = CloseCode(rawValue: code), code >= 3000 {
            self.meaning = known
            self.reason = reason.isEmpty ? "\(known.reason)" : reason
        } else if (4000...4999).contains(code) {
            self.meaning = CloseCode.invitesReconnect(code) ? .forceReconnect : .forceDisconnect
            self.reason = reason
        } else {
            return nil
        }
        self.code = code
    }

    /// What a close frame has room for.
    static let reasonLimit = 123
}

/// What application servers ask about users.
extension ServerApi {
    func administer(
        _ method: Method,
        _ request: ApiRequest,
        on loop: any EventLoop
    ) throws(ApiRefusal) -> EventLoopFuture<ApiResponse> {
        guard !request.user.isEmpty else { throw ApiRefusal(.badRequest, "expected `user`") }
        let order = UserOrder(
            user: request.user,
            client: request.client,
            session: request.session,
            spared: Set(request.spared),
            action: try self.action(method, request)
        )
        guard let (id, future) = self.await(answers: self.mailboxes.count, on: loop) else {
            throw ApiRefusal(.internal)
        }
        for mailbox in self.mailboxes {
            mailbox.visit(on: loop) { $0.carryOut(order, for: id) }.whenFailure { _ in
                self.take(.error(.internal), to: id)
            }
        }
        return future
    }

    private func action(
        _ method: Method,
        _ request: ApiRequest
    ) throws(ApiRefusal) -> UserOrder.Action {
        switch method {
        case .subscribe: return try self.subscription(request)
        case .unsubscribe:
            let reference = try self.reference(to: request.channel)
            reference.name.release()
            return .unsubscribe(reference.id)
        case .refresh: return try Self.refreshment(request)
        case .disconnect:
            let given = request.disconnect
            let code = given?.code ?? 0
            guard
                let farewell = Farewell(
                    code: code == 0 ? UInt32(CloseCode.forceDisconnect.rawValue) : code,
                    reason: given?.reason ?? ""
                )
            else {
                let fault =
                    "expected as `disconnect` a code of the protocol from 3000 on, or from 4000 to"
                    + " 4999, and a reason of at most \(Farewell.reasonLimit) bytes"
                throw ApiRefusal(.badRequest, fault)
            }
            return .disconnect(farewell)
        case .publish, .broadcast, .history, .presence, .channels, .info, .batch, .presenceStats,
            .historyRemove:
            preconditionFailure("this is not about a user")
        }
    }

    private func subscription(_ request: ApiRequest) throws(ApiRefusal) -> UserOrder.Action {
        let reference = try self.reference(to: request.channel, for: request.user)
        reference.name.release()
        let policy = self.policies[Int(reference.namespace)]
        try Self.check(request.terms.override, in: policy)
        let terms = request.terms
        let granted = Granted(
            channel: request.channel,
            info: try Self.json(terms.info, base64: terms.base64Info, called: "b64info"),
            data: try Self.json(terms.data, base64: terms.base64Data, called: "b64data"),
            hearsAttendance: terms.override.forcesPushJoinLeave == true
        )
        guard granted.info.count <= Granted.infoLimit, granted.data.count <= Self.dataLimit else {
            let fault =
                "expected at most \(Granted.infoLimit) bytes of info, \(Self.dataLimit) of data"
            throw ApiRefusal(.limitExceeded, fault)
        }
        let since = request.recoverSince.map {
            RecoveryRequest(
                epoch: CommandTranslation.epoch($0.epoch),
                offset: Offset($0.offset),
                refusesUnrecovered: false
            )
        }
        return .subscribe(request.channel, since: since, granted)
    }

    /// As much as a token could say.
    private static var dataLimit: Int { 16_384 }

    /// What cannot be overridden must be what the namespace says anyway.
    private static func check(
        _ override: ChannelOverride,
        in policy: Namespace
    ) throws(ApiRefusal) {
        let fixed = [
            ("presence", override.presence, policy.presence),
            ("join_leave", override.joinLeave, policy.joinLeave),
            ("force_recovery", override.forcesRecovery, policy.hasLog),
            ("force_positioning", override.forcesPositioning, policy.hasLog),
        ]
        for (name, wanted, actual) in fixed where wanted.map({ $0 != actual }) ?? false {
            throw ApiRefusal(.notAvailable, "`override.\(name)` is \(actual) in this namespace")
        }
        let isPushed = policy.joinLeave && policy.forcePushJoinLeave
        guard let wanted = override.forcesPushJoinLeave, wanted != isPushed else { return }
        guard wanted, policy.joinLeave else {
            let fault = "`override.force_push_join_leave` is \(isPushed) in this namespace"
            throw ApiRefusal(.notAvailable, fault)
        }
    }

    private static func refreshment(_ request: ApiRequest) throws(ApiRefusal) -> UserOrder.Action {
        let expired = CloseCode.connectionExpired
        guard !request.isExpired else { return .disconnect(Farewell(expired)) }
        guard request.expireAt != 0 else { return .refresh(timeToLive: nil) }
        let left = Double(request.expireAt) - Date().timeIntervalSince1970
        guard left > 0 else { return .disconnect(Farewell(expired)) }
        return .refresh(timeToLive: TokenVerifier.interval(left))
    }
}

extension Farewell {
    /// The protocol's own.
    init(_ code: CloseCode) {
        self.code = code.rawValue
        self.reason = "\(code.reason)"
        self.meaning = code
    }
}
