import ChatCore
package import ClientModel
package import Kernel

/// The messages that users intend to send, in order of time: one Poisson stream for all of them.
///
/// The superposition of independent Poisson streams is one stream of the summed rate whose events
/// belong to a user drawn uniformly, so no user needs a timer. Open loop: nothing that a server does
/// moves an arrival.
package struct Arrivals: Sendable {
    let population: Population
    let random: KeyedRandom
    private let table = ExponentialTable()
    /// In units of 2^-16 ns.
    private let meanGap: UInt64
    private let bodyBytes: UInt32
    let chat: Workload.ChatMix?
    private let start: Instant
    private let end: Instant
    /// Since the start, in units of 2^-16 ns.
    private var elapsed: UInt64 = 0
    private var count: UInt64 = 0

    /// Users send from `start` on for the workload's duration, at most three days.
    package init(_ workload: Workload, population: Population, seed: UInt64, start: Instant) {
        self.population = population
        self.random = KeyedRandom(seed: seed)
        self.bodyBytes = workload.bodyBytes
        self.chat = workload.chat
        self.start = start
        self.end = start + workload.duration
        // 10^15 ns·millionths, 16 binary places; the rate is at least one millionth.
        let numerator = UInt64(1_000_000_000_000_000).multipliedFullWidth(by: 1 << 16)
        let rate = workload.totalRateMillionths
        self.meanGap =
            numerator.high < rate ? max(rate.dividingFullWidth(numerator).quotient, 1) : .max
    }

    /// The next message and who sends it, or `nil` after the end.
    package mutating func next() -> (sender: ClientNumber, message: OutgoingMessage)? {
        let n = self.count
        let draw = self.table.draw(self.random.draw(Draw.gap, 0, n))
        let product = self.meanGap.multipliedFullWidth(by: draw)
        let gap = product.high >> 32 == 0 ? product.high << 32 | product.low >> 32 : .max
        let (elapsed, overflow) = self.elapsed.addingReportingOverflow(gap)
        guard !overflow else { return nil }
        let intended = self.start + Interval(nanoseconds: elapsed >> 16)
        guard intended < self.end else { return nil }
        self.elapsed = elapsed
        self.count += 1
        let sender = ClientNumber(
            UInt32(
                truncatingIfNeeded: KeyedRandom.below(
                    UInt64(self.population.users),
                    self.random.draw(Draw.sender, 0, n)
                )
            )
        )
        let index = KeyedRandom.below(
            UInt64(self.population.conversationsPerUser),
            self.random.draw(Draw.conversation, UInt64(sender.rawValue), n)
        )
        let conversation = self.population.conversation(
            UInt32(truncatingIfNeeded: index),
            of: sender
        )
        let chosen = self.operation(n, sender, conversation)
        return self.arrival(n, chosen.sender, conversation, chosen.operation, at: intended)
    }

    private func arrival(
        _ n: UInt64,
        _ sender: ClientNumber,
        _ conversation: ConversationNumber,
        _ operation: ChatAction,
        at intended: Instant
    ) -> (sender: ClientNumber, message: OutgoingMessage) {
        let message = OutgoingMessage(
            conversation: conversation,
            id: MessageID(high: UInt64(sender.rawValue), low: n + 1),
            byteCount: self.bodyBytes,
            intended: intended,
            operation: operation
        )
        return (sender, message)
    }
}
