import ChatCore
import Kernel
import Testing

@Suite struct PresenceDebouncerTests {
    private let grace = Interval.seconds(5)

    @Test func `a departure counts when its grace is over, and not before`() {
        var debouncer = PresenceDebouncer()
        #expect(debouncer.isThere == nil)
        debouncer.arrive()
        debouncer.leave(until: .zero + self.grace)
        #expect(debouncer.isThere == true)
        let early = debouncer.elapse(at: .zero + .milliseconds(4_999))
        #expect(!early && debouncer.isThere == true)
        let due = debouncer.elapse(at: .zero + self.grace)
        #expect(due && debouncer.isThere == false)
        let again = debouncer.elapse(at: .zero + self.grace)
        #expect(!again, "it is said once")
    }

    @Test func `whoever returns in time has never left`() {
        var debouncer = PresenceDebouncer(.present)
        debouncer.leave(until: .zero + self.grace)
        debouncer.arrive()
        let elapsed = debouncer.elapse(at: .zero + .seconds(60))
        #expect(!elapsed && debouncer.isThere == true)
    }

    @Test func `of two graces the longer one counts`() {
        var debouncer = PresenceDebouncer(.present)
        debouncer.leave(until: .zero + .seconds(60))
        debouncer.leave(until: .zero + self.grace)
        #expect(debouncer.departure == .zero + .seconds(60))
    }

    @Test func `nothing is said of somebody of whom nobody has spoken`() {
        var debouncer = PresenceDebouncer()
        debouncer.leave(until: .zero + self.grace)
        #expect(debouncer.isThere == nil)
        var unheard = PresenceDebouncer()
        unheard.settle()
        #expect(unheard.isThere == false)
    }
}

@Suite struct PresenceBudgetTests {
    private func budget(_ perSecond: UInt32) -> PresenceBudget {
        var configuration = PresenceConfiguration()
        configuration.budget = perSecond
        return PresenceBudget(configuration)
    }

    @Test(arguments: [10, 99, 1_000, 20_000] as [UInt32], [0, 30, 99] as [UInt64])
    func `no second holds more than the budget, however late batches begin and leave`(
        _ perSecond: UInt32,
        _ lateness: UInt64
    ) {
        var budget = self.budget(perSecond)
        var told: [(instant: Instant, count: UInt64)] = []
        var now = Instant.zero
        for batch in 0..<40 as Range<UInt64> {
            now = budget.nextBatch + .milliseconds(batch % 3 == 0 ? lateness : 0)
            budget.begin(at: now)
            // The step of a batch takes its time, and that of the next one perhaps less.
            let leaves = now + .milliseconds(batch % 4 == 0 ? lateness : 0)
            told.append((leaves, UInt64(budget.left)))
            budget.spend(budget.left)
        }
        for first in told {
            let second = told.filter {
                $0.instant >= first.instant && $0.instant < first.instant + .seconds(1)
            }
            #expect(second.reduce(0) { $0 + $1.count } <= UInt64(perSecond))
        }
    }

    @Test func `those who wait are served in turn, and W widens by their wait`() {
        var budget = self.budget(1_000)
        for watcher in 0..<5_000 as Range<UInt32> {
            budget.wait(PresenceBudget.Place(watcher: watcher, generation: 1, since: .zero))
        }
        for watcher in 0..<5_000 as Range<UInt32> {
            #expect(budget.first?.watcher == watcher)
            budget.advance()
        }
        #expect(budget.isEmpty)
        let window = budget.window(since: .zero, at: .zero + .seconds(4))
        #expect(window == .seconds(5))
    }
}
