import ChatCore
import Kernel
import Testing

@Suite struct PermissionTests {
    static let room = ConversationID(high: 4, low: 9)

    private static func reference(_ access: NameAccess) -> ConversationReference {
        ConversationReference(id: Self.room, namespace: 0, name: .none, access: access)
    }

    private static let page = HistoryRequest(since: nil, epoch: nil, limit: 9, isReversed: false)

    /// What a connected client gets for each of its commands, in order.
    private static func outcomes(
        of commands: [Command],
        _ configure: (inout Namespace) -> Void = { _ in }
    ) -> [ErrorCode?] {
        let loop = Loopback { configure(&$0.namespaces[0]) }
        loop.own(term: 1)
        let handle = loop.stepper.admit(slot: 0)
        return commands.enumerated().map { index, command in
            let before = loop.errors.count
            loop.send(.command(handle, CommandID(UInt32(index + 2)), command))
            return loop.errors.count > before ? loop.errors.last : nil
        }
    }

    @Test(arguments: NameAccess.allCases, [true, false])
    func `a subscription without a token needs an open name or a place in the list`(
        _ access: NameAccess,
        _ isAllowed: Bool
    ) {
        let subscribe = Command.subscribe(Self.reference(access), since: nil)
        let outcomes = Self.outcomes(of: [subscribe]) { $0.allowsSubscribe = isAllowed }
        let enters = access == .listed || (access == .open && isAllowed)
        #expect(outcomes == [enters ? nil : .permissionDenied])
    }

    @Test(arguments: NameAccess.allCases, Audience.allCases)
    func `publish and history are for the audience, and from outside for open names only`(
        _ access: NameAccess,
        _ audience: Audience
    ) {
        let name = Self.reference(access)
        let body = Body(handle: .none, byteCount: 1)
        let commands = [
            Command.publish(name, body), .send(name, MessageID(high: 0, low: 1), body),
            .history(name, Self.page),
        ]
        let outcomes = Self.outcomes(of: commands) {
            $0.publishers = audience
            $0.historyReaders = audience
        }
        let outside =
            switch audience {
            case .nobody: false
            case .subscribers: access == .listed
            case .clients: access == .listed || access == .open
            }
        #expect(outcomes == Array(repeating: outside ? nil : .permissionDenied, count: 3))
    }

    @Test func `a subscriber may do what its namespace opens to subscribers`() {
        let name = Self.reference(.open)
        let publish = Command.publish(name, Body(handle: .none, byteCount: 1))
        let commands = [
            publish, .subscribe(name, since: nil), publish, .history(name, Self.page),
            .unsubscribe(Self.room), publish,
        ]
        let outcomes = Self.outcomes(of: commands) {
            $0.publishers = .subscribers
            $0.historyReaders = .subscribers
        }
        #expect(outcomes == [.permissionDenied, nil, nil, nil, nil, .permissionDenied])
    }

    @Test func `history without a log is not available`() {
        let outcomes = Self.outcomes(of: [.history(Self.reference(.open), Self.page)]) {
            $0.hasLog = false
        }
        #expect(outcomes == [.notAvailable])
    }
}
