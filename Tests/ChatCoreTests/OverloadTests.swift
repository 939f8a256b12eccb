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

    @Test func `the limit follows what was completed, closes above a second and opens again`() {
        let policy = OverloadPolicy()
        var admission = Admission()
        var now = Instant.zero
        func turn(_ lag: Interval) {
            now = now + Admission.window
            _ = admission.turn(at: now, lag: lag, policy)
        }
        turn(.milliseconds(250))
        #expect(admission.limit == Admission.unlimited)
        for _ in 0..<400 { admission.complete() }
        turn(.milliseconds(251))
        #expect(admission.limit == 300)
        turn(.milliseconds(1_001))
        #expect(admission.limit == 0)
        turn(.milliseconds(200))
        #expect(admission.limit == 0, "between half the target and the target nothing moves")
        turn(.milliseconds(100))
        let first = admission.limit
        #expect(first > 8 && first < 300)
        for _ in 0..<first { admission.open() }
        turn(.milliseconds(100))
        #expect(admission.limit == first + first / 8)
        for _ in 0..<50 { turn(.zero) }
        #expect(admission.limit == Admission.unlimited, "five calm seconds lift it")
    }

    /// Clients a second that a machine lets in, and how many want in within a second.
    static let storms: [(perSecond: UInt64, clients: UInt64)] = [
        (100, 500), (100, 2_000), (1_000, 500), (1_000, 10_000), (10_000, 20_000),
    ]

    /// A queue of connects of one cost, with everybody who was turned away trying again.
    @Test(arguments: Self.storms)
    func `a storm is worked off at nearly the speed of the machine, and the wait stays short`(
        perSecond: UInt64,
        clients: UInt64
    ) {
        var storm = Storm(perSecond: perSecond, clients: clients)
        let took = storm.run(isLimited: true)
        let ideal = Interval.seconds(1) * clients / perSecond
        #expect(took <= ideal * 14 / 10 + .seconds(2), "\(took) for \(ideal)")
        #expect(storm.wasted == 0)
        #expect(storm.wait(ofPercent: 90) <= .seconds(1))
        var unlimited = Storm(perSecond: perSecond, clients: clients)
        _ = unlimited.run(isLimited: false)
        if ideal > .seconds(8) {
            #expect(unlimited.wasted > clients / 4, "without a limit much work is for nobody")
        }
    }
}

/// Connects that cost the same each, and clients that give up after 5 s and come back within one.
private struct Storm {
    let cost: Interval
    var outside: [Instant]
    var queue: [Instant] = []
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
        var gauge = LoadGauge(OverloadPolicy())
        var admission = Admission()
        let total = self.outside.count
        var lag = Interval.zero
        while self.waits.count < total, self.now < .zero + .seconds(600) {
            if isLimited, let told = gauge.reading(at: self.now) {
                lag = told
                if admission.turn(at: self.now, lag: lag, OverloadPolicy()) {
                    gauge.limit(to: admission.limit)
                }
            }
            while let next = self.outside.last, next <= self.now {
                self.outside.removeLast()
                guard gauge.admits(at: self.now) else {
                    self.comeBack()
                    continue
                }
                admission.open()
                self.queue.append(next)
                gauge.add(at: self.now)
            }
            guard self.taken < self.queue.count else {
                self.now = self.now + .milliseconds(1)
                continue
            }
            let wait = self.now - self.queue[self.taken]
            self.taken += 1
            gauge.take()
            if isLimited, wait > OverloadPolicy().everything {
                self.now = self.now + self.cost / 20
                self.comeBack()
                continue
            }
            self.now = self.now + self.cost
            if wait < .seconds(5) {
                admission.complete()
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
