import ChatCore
import Kernel
import Testing

@Suite struct ConnectionTests {
    let handle = ConnectionHandle(slot: 0, generation: 1)
    let user = UserID(high: 0, low: 7)

    private var reference: ConversationReference {
        ConversationReference(
            id: ConversationID(high: 1, low: 2),
            namespace: 0,
            name: PayloadHandle(rawValue: 99)
        )
    }

    private func opened(
        _ configure: (inout ShardConfiguration) -> Void = { _ in }
    ) -> ShardStepper {
        let stepper = ShardStepper(configure)
        _ = stepper.send(.opened(self.handle, ConnectionID(1)))
        return stepper
    }

    @Test func `a command before connect closes with 3501`() {
        let stepper = self.opened()
        let history = HistoryRequest(since: nil, epoch: nil, limit: 1, isReversed: false)
        let effects = stepper.send(
            .command(self.handle, CommandID(1), .history(self.reference, history))
        )
        #expect(
            effects == [
                .release(PayloadHandle(rawValue: 99)), .close(self.handle, .badRequest),
            ]
        )
    }

    @Test func `a second connect closes with 3501`() {
        let stepper = ShardStepper()
        let handle = stepper.admit(slot: 0)
        #expect(
            stepper.send(.command(handle, CommandID(2), .connect)) == [.close(handle, .badRequest)]
        )
    }

    @Test func `commands that arrive with connect run after it and in order`() {
        let stepper = self.opened()
        #expect(
            stepper.send(.command(self.handle, CommandID(1), .connect)) == [
                .authenticate(self.handle)
            ]
        )
        for id in 2...4 as ClosedRange<UInt32> {
            let command = Command.unsubscribe(ConversationID(high: 0, low: UInt64(id)))
            #expect(stepper.send(.command(self.handle, CommandID(id), command)) == [])
        }
        let effects = stepper.send(
            .authenticated(self.handle, .accepted(self.user, timeToLive: nil))
        )
        let connected = ConnectReply(pingInterval: .seconds(25), timeToLive: nil)
        #expect(
            effects == [
                .reply(self.handle, CommandID(1), .connected(connected)),
                .reply(self.handle, CommandID(2), .unsubscribed),
                .reply(self.handle, CommandID(3), .unsubscribed),
                .reply(self.handle, CommandID(4), .unsubscribed),
            ]
        )
    }

    @Test func `too many commands before the credentials are checked close with 3013`() {
        let stepper = self.opened { $0.gatedLimit = 2 }
        _ = stepper.send(.command(self.handle, CommandID(1), .connect))
        let command = Command.unsubscribe(ConversationID(high: 0, low: 1))
        _ = stepper.send(.command(self.handle, CommandID(2), command))
        _ = stepper.send(.command(self.handle, CommandID(3), command))
        let effects = stepper.send(.command(self.handle, CommandID(4), command))
        #expect(effects == [.close(self.handle, .tooManyRequests)])
    }

    @Test(arguments: [
        (AuthenticationOutcome.invalid, CloseCode.invalidToken), (.missing, .badRequest),
    ])
    func `bad credentials close`(_ outcome: AuthenticationOutcome, _ code: CloseCode) {
        let stepper = self.opened()
        _ = stepper.send(.command(self.handle, CommandID(1), .connect))
        let effects = stepper.send(.authenticated(self.handle, outcome))
        #expect(effects == [.close(self.handle, code)])
    }

    @Test func `expired credentials get error 109, and the connection is of no more use`() {
        let stepper = self.opened()
        _ = stepper.send(.command(self.handle, CommandID(1), .connect))
        let effects = stepper.send(.authenticated(self.handle, .expired))
        #expect(effects == [.reply(self.handle, CommandID(1), .error(.tokenExpired))])
        let next = stepper.send(.command(self.handle, CommandID(2), .refused(.badRequest)))
        #expect(next == [.close(self.handle, .badRequest)])
    }

    @Test func `a connection that never connects is closed as stale`() {
        let stepper = self.opened()
        #expect(stepper.advance(by: .milliseconds(9_999)) == [])
        #expect(stepper.advance(by: .milliseconds(1)) == [.close(self.handle, .stale)])
    }

    @Test(arguments: 0..<20 as Range<UInt32>)
    func `the first ping comes between half an interval and a whole one`(_ slot: UInt32) {
        let stepper = ShardStepper()
        let handle = stepper.admit(slot: slot)
        let early = stepper.advance(to: .zero + .milliseconds(12_499))
        #expect(early == [])
        var pings = 0
        while stepper.now < .zero + .seconds(25) {
            for case .ping in stepper.advance(by: .milliseconds(100)) {
                pings += 1
                #expect(stepper.pong(handle) == [])
            }
        }
        #expect(pings == 1)
    }

    @Test func `a ping without a pong closes with 3012 after the time-out`() {
        let stepper = ShardStepper()
        let handle = stepper.admit(slot: 0)
        var pinged: Instant?
        var closed: Instant?
        while stepper.now < .zero + .seconds(60), closed == nil {
            for effect in stepper.advance(by: .milliseconds(100)) {
                if case .ping = effect { pinged = pinged ?? stepper.now }
                if effect == .close(handle, .noPong) { closed = stepper.now }
            }
        }
        let waited = closed.flatMap { closed in pinged.map { closed - $0 } }
        #expect(waited == .seconds(8))
    }

    @Test func `a pong that no ping asked for closes with 3501`() {
        let stepper = ShardStepper()
        let handle = stepper.admit(slot: 0)
        #expect(stepper.pong(handle) == [.close(handle, .badRequest)])
    }

    @Test func `draining spreads the leaving and ends when nobody is left`() {
        let stepper = ShardStepper()
        let handles = (0..<10 as Range<UInt32>).map { stepper.admit(slot: $0) }
        var effects = stepper.send(.drain(over: .seconds(1)))
        var closedAt: [Int] = []
        for round in 0..<12 {
            for case .close(let handle, .shutdown) in effects {
                closedAt.append(round)
                effects += stepper.send(.closed(handle))
            }
            if effects.contains(.drained) { break }
            effects = stepper.advance(by: .milliseconds(100))
        }
        #expect(closedAt == Array(0..<handles.count))
        #expect(effects.contains(.drained))
        let late = ConnectionHandle(slot: 20, generation: 1)
        #expect(stepper.send(.opened(late, ConnectionID(50))) == [.close(late, .shutdown)])
    }

    @Test func `a deadline that comes too early changes nothing`() {
        let stepper = self.opened()
        for _ in 0..<50 { #expect(stepper.advance(by: .milliseconds(1)) == []) }
    }
}
