import ChatCore
import Kernel
import Testing

/// A drain answers what is under way before it sends anybody away.
struct DrainTests {
    private let conversation = ConversationID(high: 1, low: 2)
    private let owner = ShardID(node: NodeID(9), index: 0)

    private var reference: ConversationReference {
        ConversationReference(id: self.conversation, namespace: 0, name: .none)
    }

    private func gateway() -> ShardStepper {
        let stepper = ShardStepper()
        let partition = PartitionID(of: self.conversation, count: 64)
        _ = stepper.send(.lease(partition, Term(1), owner: self.owner))
        return stepper
    }

    /// What a client can be waiting for.
    enum Errand: CaseIterable {
        case publish
        case subscription
        case history
    }

    private func command(_ errand: Errand) -> Command {
        switch errand {
        case .publish: return .publish(self.reference, Body(handle: .none, byteCount: 5))
        case .subscription: return .subscribe(self.reference, since: nil)
        case .history:
            let request = HistoryRequest(since: nil, epoch: nil, limit: 5, isReversed: false)
            return .history(self.reference, request)
        }
    }

    /// The event that answers the request among the effects.
    private func answer(to effects: [ShardEffect], by stepper: ShardStepper) -> ShardEvent? {
        let head = StreamHead(epoch: Epoch(5), offset: Offset(1))
        for effect in effects {
            switch effect {
            case .peer(_, .publish(let request)):
                let reply = SendReply(
                    epoch: Epoch(5),
                    offset: Offset(1),
                    unixMilliseconds: 0,
                    isDuplicate: false
                )
                return .peer(self.owner, .published(request.token, .accepted(reply)))
            case .peer(_, .interest):
                return .peer(self.owner, stepper.interested(self.conversation, Term(1), head))
            case .store(let token, .read):
                return .stored(token, .head(head))
            case .authenticate, .reply, .deliver, .deliverPage, .subscribe, .unsubscribe, .ping,
                .close, .respond, .peer, .store, .release, .drained, .refresh,
                .presence, .dropPublications, .awaitRoom, .hint:
                break
            }
        }
        return nil
    }

    @Test(arguments: Errand.allCases)
    func `who waits for an answer gets it before the goodbye`(_ errand: Errand) throws {
        let stepper = self.gateway()
        let busy = stepper.admit(slot: 0)
        let idle = stepper.admit(slot: 1, user: 2)
        let asked = stepper.send(.command(busy, CommandID(2), self.command(errand)))
        let answer = try #require(self.answer(to: asked, by: stepper))
        var effects = stepper.send(.drain(over: .milliseconds(100)))
        #expect(effects == [.close(idle, .shutdown)])
        effects = stepper.send(.command(busy, CommandID(3), self.command(.publish)))
        #expect(effects == [.reply(busy, CommandID(3), .error(.internal))])
        #expect(!stepper.advance(by: .seconds(1)).contains(.close(busy, .shutdown)))
        effects = stepper.send(answer) + stepper.advance(by: .milliseconds(100))
        let reply = try #require(
            effects.firstIndex {
                if case .reply(busy, CommandID(2), _) = $0 { true } else { false }
            }
        )
        let goodbye = try #require(effects.firstIndex(of: .close(busy, .shutdown)))
        #expect(reply < goodbye)
        #expect(stepper.send(.closed(idle)).contains(.drained) == false)
        #expect(stepper.send(.closed(busy)).contains(.drained))
    }

    @Test(arguments: Errand.allCases)
    func `who is not answered is told so, and then sent away`(_ errand: Errand) throws {
        let stepper = self.gateway()
        let busy = stepper.admit(slot: 0)
        _ = stepper.send(.command(busy, CommandID(2), self.command(errand)))
        var effects = stepper.send(.drain(over: .seconds(1)))
        effects += stepper.advance(by: .milliseconds(3_900))
        #expect(!effects.contains(.close(busy, .shutdown)))
        effects += stepper.advance(by: .milliseconds(200))
        let reply = try #require(
            effects.firstIndex(of: .reply(busy, CommandID(2), .error(.internal)))
        )
        let goodbye = try #require(effects.firstIndex(of: .close(busy, .shutdown)))
        #expect(reply < goodbye)
        #expect(stepper.send(.closed(busy)).contains(.drained))
    }

    @Test func `who waits to hear how users are is answered before the goodbye`() throws {
        let stepper = ShardStepper { $0.presence.followsUsers = true }
        for partition in 64..<128 as Range<UInt16> {
            _ = stepper.send(.lease(PartitionID(partition), Term(1), owner: self.owner))
        }
        let handle = stepper.admit(slot: 0)
        let user = UserReference(id: UserID(high: 0, low: 7), name: .none)
        let watch = Command.presence(.watch(user, remaining: 0))
        _ = stepper.send(.command(handle, CommandID(2), watch))
        let goodbye = ShardEffect.close(handle, .shutdown)
        #expect(!stepper.send(.drain(over: .seconds(1))).contains(goodbye))
        #expect(!stepper.advance(by: .seconds(2)).contains(goodbye))
        let last = stepper.advance(by: .seconds(3))
        let answer = ShardEffect.reply(handle, CommandID(2), .presence(.watching))
        let answered = try #require(last.firstIndex(of: answer))
        #expect(answered < (try #require(last.firstIndex(of: goodbye))))
    }

    @Test func `who leaves by itself does not hold up the drain`() {
        let stepper = self.gateway()
        let busy = stepper.admit(slot: 0)
        _ = stepper.send(.command(busy, CommandID(2), self.command(.publish)))
        _ = stepper.send(.drain(over: .seconds(1)))
        #expect(stepper.send(.closed(busy)).contains(.drained))
    }

    /// How many of the connections wait for an answer, and when they get it.
    struct Crowd: CustomTestStringConvertible {
        var connections: UInt32
        var seconds: UInt64
        /// Of ten.
        var busy: UInt32
        var answerMilliseconds: UInt64

        var testDescription: String {
            "\(self.connections) over \(self.seconds) s, \(self.busy) of 10 busy until"
                + " \(self.answerMilliseconds) ms"
        }

        /// Each 100 ms so many may be sent away.
        var pace: Int {
            let rounds = Int(self.seconds) * 10
            return (Int(self.connections) + rounds - 1) / rounds
        }

        static let all: [Self] = [(1, 5), (49, 5), (1_000, 5), (777, 2), (5_000, 15)].flatMap {
            size in
            [(0, 0), (3, 700), (10, 1_500), (10, 60_000)].map {
                Self(connections: size.0, seconds: size.1, busy: $0.0, answerMilliseconds: $0.1)
            }
        }
    }

    @Test(arguments: Crowd.all)
    func `a drain sends nobody away faster than its pace, whoever is answered when`(
        _ crowd: Crowd
    ) {
        let stepper = self.gateway()
        var tokens: [RequestToken] = []
        for slot in 0..<crowd.connections {
            let handle = stepper.admit(slot: slot, user: UInt64(slot) + 1)
            guard slot % 10 < crowd.busy else { continue }
            for case .peer(_, .publish(let request)) in stepper.send(
                .command(handle, CommandID(2), self.command(.publish))
            ) {
                tokens.append(request.token)
            }
        }
        let start = stepper.now
        var closed: [ConnectionHandle] = []
        func take(_ effects: [ShardEffect]) {
            var count = 0
            for case .close(let handle, .shutdown) in effects {
                closed.append(handle)
                count += 1
            }
            #expect(count <= crowd.pace, "\(count) at \(stepper.now - start)")
        }
        take(stepper.send(.drain(over: .seconds(crowd.seconds))))
        let reply = SendReply(
            epoch: Epoch(5),
            offset: Offset(1),
            unixMilliseconds: 0,
            isDuplicate: false
        )
        for slot in 1..<(crowd.seconds * 20 + 100) {
            if slot * 100 == crowd.answerMilliseconds {
                for token in tokens {
                    let answer = PeerMessage.published(token, .accepted(reply))
                    take(stepper.send(.peer(self.owner, answer)))
                }
            }
            take(stepper.advance(to: start + .milliseconds(slot * 100)))
        }
        #expect(closed.count == Int(crowd.connections))
        #expect(Set(closed.map(\.slot)).count == closed.count)
    }
}
