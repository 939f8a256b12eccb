import ChatCore
import Kernel
import Testing

/// The stream's window: a view of a log that keeps everything.
@Suite struct HistoryWindowTests {
    private static let room = ConversationID(high: 4, low: 9)
    private static let name = ConversationReference(id: Self.room, namespace: 0, name: .none)

    /// Who speaks in a conversation of ten messages, one a second.
    private static func spoken(
        _ configure: (inout Namespace) -> Void
    ) -> (Loopback, ConnectionHandle) {
        let loop = Loopback { configure(&$0.namespaces[0]) }
        loop.send(.wallClock(unixMilliseconds: 1_700_000_000_000))
        loop.own(term: 1)
        let handle = loop.stepper.admit(slot: 0)
        for index in 1...10 as ClosedRange<UInt32> {
            let body = Body(handle: .none, byteCount: index)
            let command = Command.publish(Self.name, body)
            loop.send(.command(handle, CommandID(1 + index), command))
            loop.run(for: .seconds(1))
        }
        return (loop, handle)
    }

    private static func request(
        since: UInt64?,
        isReversed: Bool = false
    ) -> Command {
        .history(
            Self.name,
            HistoryRequest(
                since: since.map { Offset($0) },
                epoch: nil,
                limit: 100,
                isReversed: isReversed
            )
        )
    }

    @Test(
        arguments: [
            (nil, false, 7...10), (2, false, 7...10), (8, false, 9...10), (nil, true, 7...10),
            (9, true, 7...8),
        ] as [(UInt64?, Bool, ClosedRange<UInt64>)]
    )
    func `history begins at the oldest message of the window`(
        _ since: UInt64?,
        _ isReversed: Bool,
        _ kept: ClosedRange<UInt64>
    ) {
        for configure in [
            { $0.historySize = 4 }, { $0.historyAge = .milliseconds(4_500) },
        ] as [(inout Namespace) -> Void] {
            let (loop, handle) = Self.spoken(configure)
            let command = Self.request(since: since, isReversed: isReversed)
            loop.send(.command(handle, CommandID(50), command))
            #expect(loop.pages.last == kept)
            #expect(loop.errors.isEmpty)
        }
    }

    @Test(arguments: 0...10 as ClosedRange<UInt64>)
    func `a position is recovered inside the window and never beyond it`(_ offset: UInt64) {
        for configure in [
            { $0.historySize = 4 }, { $0.historyAge = .milliseconds(4_500) },
        ] as [(inout Namespace) -> Void] {
            let (loop, handle) = Self.spoken(configure)
            let since = RecoveryRequest(
                epoch: nil,
                offset: Offset(offset),
                refusesUnrecovered: false
            )
            loop.send(.command(handle, CommandID(50), .subscribe(Self.name, since: since)))
            #expect(loop.subscribed.map(\.isRecovered) == [offset >= 6])
        }
    }
}

extension SubscribeReply {
    fileprivate var isRecovered: Bool {
        switch self.recovery {
        case .recovered: true
        case .notRequested, .unrecovered: false
        }
    }
}
