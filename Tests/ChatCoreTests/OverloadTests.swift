import ChatCore
import Kernel
import Testing

@Suite struct OverloadTests {
    static let reference = ConversationReference(
        id: ConversationID(high: 1, low: 2),
        namespace: 0,
        name: PayloadHandle(rawValue: 99)
    )
    static let body = Body(handle: PayloadHandle(rawValue: 98), byteCount: 5)
    static let history = Command.history(
        Self.reference,
        HistoryRequest(since: nil, epoch: nil, limit: 1, isReversed: false)
    )
    static let send = Command.send(Self.reference, MessageID(high: 0, low: 1), Self.body)

    struct Case: Sendable {
        var command: Command
        /// The longest wait with which it is still worked.
        var worked: Interval
        var released: Int
    }

    static let cases = [
        Case(command: Self.history, worked: OverloadPolicy().history, released: 1),
        Case(command: Self.send, worked: OverloadPolicy().messages, released: 2),
        Case(
            command: .publish(Self.reference, Self.body),
            worked: OverloadPolicy().messages,
            released: 2
        ),
        Case(
            command: .subscribe(Self.reference, since: nil),
            worked: OverloadPolicy().everything,
            released: 1
        ),
    ]

    private static func isShed(_ effects: [ShardEffect]) -> Bool {
        effects.contains {
            if case .reply(_, CommandID(2), .error(.tooManyRequests)) = $0 { true } else { false }
        }
    }

    @Test(arguments: Self.cases)
    func
        `a command is refused as soon as the wait is longer than its own, and gives back its bytes`(
            example: Case
        )
    {
        for (lag, isShed) in [
            (example.worked, false), (example.worked + .milliseconds(1), true),
        ] {
            let stepper = ShardStepper()
            let handle = stepper.admit(slot: 0)
            _ = stepper.send(.load(lag: lag))
            let effects = stepper.send(.command(handle, CommandID(2), example.command))
            #expect(Self.isShed(effects) == isShed, "\(lag)")
            if isShed {
                let released = effects.count {
                    if case .release = $0 { true } else { false }
                }
                #expect(released == example.released)
                #expect(stepper.statistics.shed == 1)
            }
        }
    }

    @Test func `shedding ends with the wait, and never begins without a policy`() {
        let stepper = ShardStepper()
        let handle = stepper.admit(slot: 0)
        _ = stepper.send(.load(lag: .seconds(9)))
        _ = stepper.send(.load(lag: .zero))
        #expect(!Self.isShed(stepper.send(.command(handle, CommandID(2), Self.history))))
        let careless = ShardStepper { $0.overload = nil }
        let other = careless.admit(slot: 0)
        _ = careless.send(.load(lag: .seconds(9)))
        #expect(!Self.isShed(careless.send(.command(other, CommandID(2), Self.history))))
    }

    @Test func `a connect that waited longer than its client does is not authenticated`() {
        let stepper = ShardStepper()
        let handle = ConnectionHandle(slot: 0, generation: 1)
        _ = stepper.send(.opened(handle, ConnectionID(1)))
        _ = stepper.send(.load(lag: OverloadPolicy().everything + .milliseconds(1)))
        let effects = stepper.send(.command(handle, CommandID(1), .connect))
        #expect(effects == [.close(handle, .tooManyRequests)])
    }

    @Test func `leaving is never refused`() {
        let stepper = ShardStepper()
        let handle = stepper.admit(slot: 0)
        _ = stepper.send(.load(lag: .seconds(60)))
        let effects = stepper.send(
            .command(handle, CommandID(2), .unsubscribe(Self.reference.id))
        )
        #expect(effects == [.reply(handle, CommandID(2), .unsubscribed)])
    }

    /// What a door answers to so many who come at once.
    private static func knock(
        _ door: inout Door,
        _ count: Int,
        at now: Instant,
        lag: Interval
    ) -> (
        entered: Int, waiting: Int, turnedAway: Int
    ) {
        var answers = (entered: 0, waiting: 0, turnedAway: 0)
        for _ in 0..<count {
            switch door.knock(at: now, lag: lag) {
            case .enter: answers.entered += 1
            case .wait: answers.waiting += 1
            case .turnAway: answers.turnedAway += 1
            }
        }
        return answers
    }

    @Test
    func `at most so many sockets are under way at once, and each that is settled lets one in`() {
        var door = Door(OverloadPolicy())
        let first = Self.knock(&door, 1_000, at: .zero, lag: .zero)
        #expect(first == (64, 936, 0))
        #expect(door.letIn(at: .zero, lag: .zero) == 0)
        for _ in 0..<10 { door.settle() }
        #expect(door.letIn(at: .zero, lag: .zero) == 10)
        #expect(door.waitingCount == 926)
    }

    @Test func `nobody is let in while the queue is long, but for one in a tenth of a second`() {
        var door = Door(OverloadPolicy())
        let long = OverloadPolicy().held + .milliseconds(1)
        #expect(Self.knock(&door, 5, at: .zero, lag: long) == (0, 5, 0))
        #expect(door.letIn(at: .zero, lag: long) == 1)
        #expect(door.letIn(at: .zero, lag: long) == 0)
        #expect(door.letIn(at: .zero + .milliseconds(100), lag: long) == 1)
        let hopeless = OverloadPolicy().connections + .milliseconds(1)
        #expect(door.letIn(at: .zero + .milliseconds(200), lag: hopeless) == 0)
        #expect(Self.knock(&door, 2, at: .zero + .milliseconds(200), lag: hopeless) == (0, 0, 2))
        #expect(door.turnedAway == 2)
        #expect(door.letIn(at: .zero + .milliseconds(300), lag: .zero) == 3, "all who waited")
    }

    @Test
    func `when some have waited for a second, who would wait for more than three is turned away`() {
        var door = Door(OverloadPolicy())
        var now = Instant.zero
        func pass(_ milliseconds: Int) {
            for _ in 0..<milliseconds {
                now = now + .milliseconds(1)
                door.settle()
                _ = door.letIn(at: now, lag: .zero)
            }
        }
        #expect(Self.knock(&door, 9_000, at: now, lag: .zero) == (64, 8_936, 0))
        pass(1_000)
        #expect(Self.knock(&door, 10, at: now, lag: .zero) == (0, 10, 0))
        pass(10)
        // It takes one for each that is settled, and what the width has grown by, and 7,000 and more wait.
        #expect(Self.knock(&door, 10, at: now, lag: .zero) == (0, 0, 10))
        #expect(door.turnedAway == 10)
        while door.waitingCount > 2_500 { pass(1) }
        #expect(Self.knock(&door, 10, at: now, lag: .zero) == (0, 10, 0))
    }

    @Test func `who has waited for longer than clients are patient for is turned away at the door`()
    {
        var door = Door(OverloadPolicy())
        let limit = OverloadPolicy().everything
        let inTime = door.isTooLate(.zero, at: .zero + limit)
        let late = door.isTooLate(.zero, at: .zero + limit + .milliseconds(1))
        #expect(!inTime && late && door.turnedAway == 1)
        var open = Door(nil)
        let everyone = open.isTooLate(.zero, at: .zero + .seconds(60))
        #expect(!everyone)
    }

    @Test func `who says nothing keeps nobody out for longer than a second`() {
        var door = Door(OverloadPolicy())
        #expect(Self.knock(&door, 80, at: .zero, lag: .zero) == (64, 16, 0))
        var entered = 0
        for step in UInt64(1)...11 {
            entered += door.letIn(at: .zero + .milliseconds(100) * step, lag: .zero)
        }
        #expect(entered == 16)
    }

    @Test
    func `the door grows wider while only it makes somebody wait, and narrower with the queue`() {
        var door = Door(OverloadPolicy())
        var now = Instant.zero
        func widthFound(_ door: inout Door) -> Int {
            // All who were under way are settled, and the width is what enters.
            for _ in 0..<10_000 { door.settle() }
            return door.letIn(at: now, lag: .zero)
        }
        #expect(Self.knock(&door, 9_000, at: now, lag: .zero).entered == 64)
        now = now + .milliseconds(100)
        #expect(widthFound(&door) == 96)
        _ = door.letIn(at: now, lag: OverloadPolicy().held * 2 + .milliseconds(1))
        now = now + .milliseconds(100)
        #expect(widthFound(&door) == 48)
        for _ in 0..<10_000 { door.settle() }
        _ = door.letIn(at: now, lag: .seconds(1))
        now = now + .milliseconds(100)
        #expect(widthFound(&door) == 48, "the queue is long for another reason")
    }

    @Test func `without a policy everybody enters`() {
        var door = Door(nil)
        #expect(Self.knock(&door, 10_000, at: .zero, lag: .seconds(60)) == (10_000, 0, 0))
    }

    /// Clients a second that a machine lets in, and how many want in within a second.
    static let storms: [(perSecond: UInt64, clients: UInt64)] = [
        (100, 500), (100, 2_000), (1_000, 500), (1_000, 10_000), (10_000, 20_000),
    ]

    /// A queue of connects of one cost, with everybody who was turned away trying again.
    @Test(arguments: Self.storms)
    func `a storm is worked off at nearly the speed of the machine, and the queue stays short`(
        perSecond: UInt64,
        clients: UInt64
    ) {
        var storm = Storm(perSecond: perSecond, clients: clients)
        let took = storm.run(isLimited: true)
        let ideal = Interval.seconds(1) * clients / perSecond
        #expect(took <= ideal * 14 / 10 + .seconds(2), "\(took) for \(ideal)")
        #expect(storm.wasted * 50 <= clients, "\(storm.wasted) were worked for nobody")
        #expect(storm.wait(ofPercent: 90) <= .seconds(1), "in the shard's own queue")
        var unlimited = Storm(perSecond: perSecond, clients: clients)
        _ = unlimited.run(isLimited: false)
        if ideal > .seconds(8) {
            #expect(unlimited.wasted > clients / 4, "without a limit much work is for nobody")
        }
    }
}

/// Connects that cost the same each, and clients that give up after 5 s and come back within one.
private struct Storm {
    private static let patience = Interval.seconds(5)

    let cost: Interval
    var outside: [Instant]
    /// When those in the queue knocked, and when they were let in.
    var queue: [Instant] = []
    var entered: [Instant] = []
    var taken = 0
    var waits: [Interval] = []
    /// Connects that were worked though their client had given up.
    var wasted: UInt64 = 0
    var now = Instant.zero
    var comebacks: UInt64 = 0

    init(perSecond: UInt64, clients: UInt64) {
        self.cost = Interval.seconds(1) / perSecond
        let random = KeyedRandom(seed: clients)
        self.outside = (0..<clients).map {
            .zero + .microseconds(random.draw(RandomPurpose(1), $0) % 1_000_000)
        }
        self.outside.sort(by: >)
    }

    func wait(ofPercent percent: Int) -> Interval {
        self.waits.sorted()[self.waits.count * percent / 100]
    }

    /// Until the last client is in; ten minutes at most.
    mutating func run(isLimited: Bool) -> Interval {
        let policy = isLimited ? OverloadPolicy() : nil
        var gauge = LoadGauge(policy)
        var door = Door(policy)
        var guests: [Instant] = []
        let total = self.outside.count
        while self.waits.count < total, self.now < .zero + .seconds(600) {
            let lag = gauge.age(at: self.now)
            while let next = self.outside.last, next <= self.now {
                self.outside.removeLast()
                switch door.knock(at: self.now, lag: lag) {
                case .enter:
                    self.queue.append(next)
                    self.entered.append(self.now)
                    gauge.add(at: self.now)
                case .wait: guests.append(next)
                case .turnAway: self.comeBack()
                }
            }
            let entering = door.letIn(at: self.now, lag: lag)
            for guest in guests.prefix(entering) {
                guard self.now - guest < Self.patience else {
                    // Its socket is closed, and costs nothing more.
                    door.settle()
                    self.comeBack()
                    continue
                }
                if door.isTooLate(guest, at: self.now) {
                    self.comeBack()
                    continue
                }
                self.queue.append(guest)
                self.entered.append(self.now)
                gauge.add(at: self.now)
            }
            guests.removeFirst(entering)
            guard self.taken < self.queue.count else {
                self.now = self.now + .milliseconds(1)
                continue
            }
            let isAwaited = self.now - self.queue[self.taken] < Self.patience
            let wait = self.now - self.entered[self.taken]
            self.taken += 1
            gauge.take()
            self.now = self.now + self.cost
            door.settle()
            if isAwaited {
                self.waits.append(wait)
            } else {
                self.wasted += 1
                self.comeBack()
            }
        }
        return self.now - .zero
    }

    private mutating func comeBack() {
        self.comebacks += 1
        let delay = KeyedRandom(seed: 7).draw(RandomPurpose(2), self.comebacks) % 1_000_000
        let instant = self.now + .microseconds(100_000 + delay)
        var low = 0
        var high = self.outside.count
        while low < high {
            let middle = (low + high) / 2
            if self.outside[middle] > instant { low = middle + 1 } else { high = middle }
        }
        self.outside.insert(instant, at: low)
    }
}
