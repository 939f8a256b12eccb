import ChatCore
import Kernel
import Testing

/// How much one connection and one user may ask for in a time.
struct RateTests {
    private let conversation = ConversationID(high: 1, low: 2)
    private let owner = ShardID(node: NodeID(9), index: 0)
    private static let body = Body(handle: PayloadHandle(rawValue: 8), byteCount: 1)

    private var reference: ConversationReference {
        ConversationReference(id: self.conversation, namespace: 0, name: .none)
    }

    // MARK: The bucket

    @Test(
        arguments: [(1, 1), (3, 7), (1_000, 5), (7, 1_000), (1_000_000, 3)] as [(UInt32, UInt32)]
    )
    func `in no time does a bucket give more than its burst and what came back`(
        _ perSecond: UInt32,
        _ burst: UInt32
    ) {
        let limit = RateLimit(perSecond: perSecond, burst: burst)
        for seed in 1...20 as ClosedRange<UInt64> {
            let random = KeyedRandom(seed: seed)
            var bucket = RateBucket()
            var now = Instant(nanoseconds: seed * 1_000_000_007)
            var taken: [Instant] = []
            for draw in 0..<400 as Range<UInt64> {
                let most = 2_500_000_000 / UInt64(perSecond)
                now =
                    now
                    + Interval(
                        nanoseconds: KeyedRandom.below(most, random.draw(RandomPurpose(905), draw))
                    )
                let wasFull = bucket.isFull(at: now)
                let isTaken = bucket.take(at: now, limit)
                #expect(isTaken || !wasFull, "a full bucket gives")
                if isTaken { taken.append(now) }
            }
            for start in taken.indices {
                let end = min(taken.count - 1, start + Int(burst) + 20)
                let count = UInt64(end - start + 1)
                let time = (taken[end] - taken[start]).nanoseconds
                // Rounding of the pause makes at most one more.
                let back = time * UInt64(perSecond) / 1_000_000_000 + 1
                #expect(count <= UInt64(burst) + back, "\(count) in \(time) ns")
            }
        }
    }

    @Test(arguments: [1, 2, 50, 1_000] as [UInt32])
    func `who keeps to the rate is never refused, and a burst comes back whole`(_ rate: UInt32) {
        let limit = RateLimit(perSecond: rate, burst: 1)
        var bucket = RateBucket()
        for number in 0..<200 as Range<UInt64> {
            let now = Instant(nanoseconds: number * 1_000_000_000 / UInt64(rate) + number)
            let taken = [bucket.take(at: now, limit), bucket.take(at: now, limit)]
            #expect(taken == [true, false])
        }
        let wide = RateLimit(perSecond: rate, burst: 10)
        var rested = RateBucket()
        for start in [0, 10 / UInt64(rate) + 1] {
            let now = Instant.zero + .seconds(start)
            let taken = (0..<11).map { _ in rested.take(at: now, wide) }
            #expect(taken == Array(repeating: true, count: 10) + [false])
        }
    }

    // MARK: Commands of a connection

    private func ask(_ loop: Loopback, _ handle: ConnectionHandle, _ id: UInt32) {
        let page = HistoryRequest(since: nil, epoch: nil, limit: 1, isReversed: false)
        loop.send(.command(handle, CommandID(id), .history(self.reference, page)))
    }

    @Test
    func `commands beyond the rate get 111, their neighbours' do not, and time brings some back`() {
        let loop = Loopback { $0.commandRate = RateLimit(perSecond: 10, burst: 5) }
        let fast = loop.stepper.admit(slot: 0)
        let calm = loop.stepper.admit(slot: 1)
        for id in 2..<9 as Range<UInt32> { self.ask(loop, fast, id) }
        #expect(loop.errors == [.tooManyRequests, .tooManyRequests])
        #expect(loop.pages.count + loop.replies.count == 7)
        self.ask(loop, calm, 2)
        #expect(loop.errors.count == 2)
        loop.run(for: .milliseconds(100))
        self.ask(loop, fast, 9)
        #expect(loop.errors.count == 2)
        self.ask(loop, fast, 10)
        #expect(loop.errors.count == 3)
        #expect(loop.stepper.statistics.limited == 3)
        #expect(loop.closes == [])
    }

    @Test func `who goes on at more than twice the rate is sent away, who stays below is not`() {
        for (pause, closes) in [(55, []), (40, [CloseCode.tooManyRequests])]
            as [(UInt64, [CloseCode])]
        {
            let loop = Loopback { $0.commandRate = RateLimit(perSecond: 10, burst: 5) }
            let handle = loop.stepper.admit(slot: 0)
            for id in 2..<200 as Range<UInt32> where loop.closes.isEmpty {
                self.ask(loop, handle, id)
                loop.run(for: .milliseconds(pause))
            }
            #expect(loop.closes == closes, "a command each \(pause) ms")
            #expect(loop.errors.allSatisfy { $0 == .tooManyRequests })
        }
    }

    @Test func `what comes with a command that is too many is given back`() {
        let stepper = ShardStepper { $0.commandRate = RateLimit(perSecond: 1, burst: 1) }
        let handle = stepper.admit(slot: 0)
        _ = stepper.send(.command(handle, CommandID(2), .unsubscribe(self.conversation)))
        var reference = self.reference
        reference.name = PayloadHandle(rawValue: 7)
        let publish = Command.publish(reference, Self.body)
        let released: [ShardEffect] = [
            .release(PayloadHandle(rawValue: 7)), .release(PayloadHandle(rawValue: 8)),
        ]
        let refused = ShardEffect.reply(handle, CommandID(3), .error(.tooManyRequests))
        #expect(stepper.send(.command(handle, CommandID(3), publish)) == released + [refused])
        let closed = ShardEffect.close(handle, .tooManyRequests)
        #expect(stepper.send(.command(handle, CommandID(4), publish)) == released + [closed])
    }

    @Test func `a watch of many users is one command, and is not refused half-way`() {
        let stepper = ShardStepper {
            $0.commandRate = RateLimit(perSecond: 1, burst: 2)
            $0.presence.followsUsers = true
        }
        let handle = stepper.admit(slot: 0)
        for command in 2..<5 as Range<UInt32> {
            for user in 0..<20 as Range<UInt64> {
                let reference = UserReference(id: UserID(high: 5, low: user), name: .none)
                let watch = PresenceCommand.watch(reference, remaining: UInt16(19 - user))
                let effects = stepper.send(.command(handle, CommandID(command), .presence(watch)))
                let refused = Reply.error(.tooManyRequests)
                #expect(!effects.contains(.reply(handle, CommandID(command), refused)))
            }
        }
        let effects = stepper.send(.command(handle, CommandID(9), .unsubscribe(self.conversation)))
        #expect(effects == [.reply(handle, CommandID(9), .error(.tooManyRequests))])
    }

    @Test func `without a rate there is none`() {
        let loop = Loopback {
            $0.commandRate = nil
            $0.publishRate = nil
        }
        loop.own(term: 1)
        let handle = loop.stepper.admit(slot: 0)
        for id in 2..<20_000 as Range<UInt32> {
            loop.send(.command(handle, CommandID(id), .publish(self.reference, Self.body)))
        }
        #expect(loop.errors == [] && loop.closes == [])
    }

    // MARK: Messages of a user

    private func gateway(
        _ configure: (inout ShardConfiguration) -> Void
    ) -> (ShardStepper, [ConnectionHandle]) {
        let stepper = ShardStepper(configure)
        for partition in 0..<64 as Range<UInt16> {
            _ = stepper.send(.lease(PartitionID(partition), Term(1), owner: self.owner))
        }
        // Two connections of user 1, and one of each further user.
        let users: [UInt64] = [1, 1, 2, 3, 4]
        return (
            stepper,
            users.enumerated().map { stepper.admit(slot: UInt32($0.offset), user: $0.element) }
        )
    }

    /// Whether the owner was given the message.
    private func publishes(
        _ stepper: ShardStepper,
        _ handle: ConnectionHandle,
        to conversation: UInt64 = 2,
        _ make: (ConversationReference) -> Command = { .publish($0, Self.body) }
    ) -> Bool {
        let reference = ConversationReference(
            id: ConversationID(high: conversation, low: 2),
            namespace: 0,
            name: .none
        )
        let effects = stepper.send(.command(handle, CommandID(7), make(reference)))
        let isRefused = effects.contains(.reply(handle, CommandID(7), .error(.tooManyRequests)))
        let isPassedOn = effects.contains {
            if case .peer(_, .publish) = $0 { true } else { false }
        }
        #expect(isRefused != isPassedOn)
        return isPassedOn
    }

    @Test func `a user's messages count together, over connections and conversations`() {
        let (stepper, clients) = self.gateway { $0.publishRate = RateLimit(perSecond: 2, burst: 3) }
        #expect(self.publishes(stepper, clients[0]))
        #expect(self.publishes(stepper, clients[1], to: 3))
        let message = MessageID(high: 1, low: 1)
        #expect(self.publishes(stepper, clients[0], to: 4) { .send($0, message, Self.body) })
        #expect(!self.publishes(stepper, clients[0]) { .send($0, message, Self.body) })
        #expect(!self.publishes(stepper, clients[1], to: 5))
        #expect(self.publishes(stepper, clients[2]))
        // A new connection is no new user.
        _ = stepper.send(.closed(clients[0]))
        _ = stepper.send(.closed(clients[1]))
        #expect(!self.publishes(stepper, stepper.admit(slot: 9)))
        _ = stepper.advance(by: .milliseconds(500))
        #expect(self.publishes(stepper, ConnectionHandle(slot: 9, generation: 1)))
        #expect(!self.publishes(stepper, ConnectionHandle(slot: 9, generation: 1)))
        #expect(stepper.statistics.limited == 4)
    }

    @Test func `nobody in particular has no rate`() {
        let (stepper, clients) = self.gateway {
            $0.publishRate = RateLimit(perSecond: 1, burst: 1)
            $0.anonymous = UserID(high: 0, low: 1)
        }
        for _ in 0..<10 { #expect(self.publishes(stepper, clients[0])) }
        #expect(self.publishes(stepper, clients[2]))
        #expect(!self.publishes(stepper, clients[2]))
    }

    @Test func `more users than are counted at a time get 111, until some have been quiet`() {
        let (stepper, clients) = self.gateway {
            $0.publishRate = RateLimit(perSecond: 10, burst: 5)
            $0.publisherLimit = 2
        }
        #expect(self.publishes(stepper, clients[0]))
        #expect(self.publishes(stepper, clients[2]))
        #expect(!self.publishes(stepper, clients[3]))
        #expect(self.publishes(stepper, clients[0]), "who is counted goes on")
        _ = stepper.advance(by: .milliseconds(100))
        #expect(self.publishes(stepper, clients[3]), "user 2 has been quiet")
        #expect(!self.publishes(stepper, clients[4]), "user 1 has not")
        _ = stepper.advance(by: .milliseconds(100))
        #expect(self.publishes(stepper, clients[4]))
    }
}
