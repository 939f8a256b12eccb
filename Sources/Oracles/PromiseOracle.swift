package import Kernel

/// Decides from what clients and the store saw whether promises 1 to 5 and fencing held.
///
/// Knows no machine. Works online: memory grows with the log and with the pairs of device and
/// conversation, never with the number of deliveries. Each law counts its checks, because a law that
/// was never put to the test has not held.
package struct PromiseOracle {
    /// What is promised.
    package enum Law: Int, CaseIterable, Sendable {
        /// Offsets of a log are 1, 2, 3 … and every observer sees the same message at the same one.
        case agreement
        /// An acknowledged message stands in the log at the offset that it was acknowledged with.
        case durability
        /// A message id stands once in the log.
        case uniqueness
        /// A device is given every offset after its first position, once and in order.
        case deviceOrder
        /// The terms that write to a partition never fall.
        case singleWriter
        /// After healing, every device stands at the head and owes nothing.
        case convergence
    }

    /// A law that did not hold: the first counts, later ones may follow from it.
    package struct Violation: Equatable, Sendable {
        package var law: Law
        package var instant: Instant
        package var text: String
    }

    private struct Place: Hashable {
        var device: UInt64
        var conversation: ConversationID
    }

    private struct MessageKey: Hashable {
        var conversation: ConversationID
        var message: MessageID
    }

    /// Violations beyond this many are counted, not described.
    package static let describedLimit = 20

    package private(set) var violations: [Violation] = []
    package private(set) var violationCount: UInt64 = 0
    private var checks = [UInt64](repeating: 0, count: Law.allCases.count)
    private var logs: [ConversationID: [MessageID]] = [:]
    private var terms: [PartitionID: Term] = [:]
    private var ids: [MessageKey: Offset] = [:]
    private var positions: [Place: Offset] = [:]

    package init() {}

    package func checkCount(of law: Law) -> UInt64 { self.checks[law.rawValue] }

    private mutating func check(
        _ law: Law,
        _ holds: Bool,
        at now: Instant,
        _ text: @autoclosure () -> String
    ) {
        self.checks[law.rawValue] += 1
        guard !holds else { return }
        self.violationCount += 1
        guard self.violations.count < Self.describedLimit else { return }
        self.violations.append(Violation(law: law, instant: now, text: text()))
    }

    /// The store made a message durable.
    package mutating func committed(
        _ conversation: ConversationID,
        _ message: MessageID,
        at offset: Offset,
        partition: PartitionID,
        term: Term,
        now: Instant
    ) {
        let count = UInt64(self.logs[conversation]?.count ?? 0)
        self.check(
            .agreement,
            offset.rawValue == count + 1,
            at: now,
            "conversation \(conversation.low): offset \(offset.rawValue) was written after \(count)"
        )
        let last = self.terms[partition] ?? .none
        self.check(
            .singleWriter,
            last <= term,
            at: now,
            "partition \(partition.rawValue): term \(term.rawValue) wrote after \(last.rawValue)"
        )
        self.terms[partition] = max(last, term)
        let key = MessageKey(conversation: conversation, message: message)
        let first = self.ids[key]
        self.check(
            .uniqueness,
            first == nil,
            at: now,
            "conversation \(conversation.low): message \(message.low) stands twice in the log"
        )
        self.logs[conversation, default: []].append(message)
        self.ids[key] = first ?? offset
    }

    /// A sender was told that its message is safe.
    package mutating func acknowledged(
        _ conversation: ConversationID,
        _ message: MessageID,
        at offset: Offset,
        now: Instant
    ) {
        let stored = self.ids[MessageKey(conversation: conversation, message: message)]
        self.check(
            .durability,
            stored == offset,
            at: now,
            "conversation \(conversation.low): message \(message.low) was acknowledged at"
                + " \(offset.rawValue) and is not there in the log"
        )
    }

    /// A device begins (or, after a declared loss, begins anew) after `offset`.
    package mutating func subscribed(
        _ device: UInt64,
        _ conversation: ConversationID,
        after offset: Offset
    ) {
        self.positions[Place(device: device, conversation: conversation)] = offset
    }

    /// A device showed a message to its user; `message` is `nil` if its host does not know the id.
    package mutating func delivered(
        _ device: UInt64,
        _ conversation: ConversationID,
        _ message: MessageID?,
        at offset: Offset,
        now: Instant
    ) {
        let place = Place(device: device, conversation: conversation)
        let position = self.positions[place]
        self.check(
            .deviceOrder,
            position.map { $0.next == offset } ?? false,
            at: now,
            "device \(device), conversation \(conversation.low): \(offset.rawValue) came after"
                + " \(position?.rawValue ?? 0)"
        )
        self.positions[place] = offset
        guard let message else { return }
        let log = self.logs[conversation] ?? []
        let index = Int(truncatingIfNeeded: offset.rawValue) - 1
        self.check(
            .agreement,
            log.indices.contains(index) && log[index] == message,
            at: now,
            "device \(device) saw another message at offset \(offset.rawValue) of"
                + " conversation \(conversation.low)"
        )
    }

    /// At the end, after healing: where a device stands.
    package mutating func settled(
        _ device: UInt64,
        _ conversation: ConversationID,
        at offset: Offset?,
        now: Instant
    ) {
        let head = UInt64(self.logs[conversation]?.count ?? 0)
        self.check(
            .convergence,
            offset?.rawValue == head,
            at: now,
            "device \(device) stands at \(offset.map { "\($0.rawValue)" } ?? "no position") of"
                + " \(head) in conversation \(conversation.low)"
        )
    }

    /// At the end: what a device still waits to have acknowledged.
    package mutating func settled(_ device: UInt64, unacknowledged count: Int, now: Instant) {
        self.check(
            .convergence,
            count == 0,
            at: now,
            "device \(device) has \(count) messages without an acknowledgement"
        )
    }

    /// Whether every law was put to the test and held.
    package var holds: Bool {
        self.violationCount == 0 && Law.allCases.allSatisfy { self.checkCount(of: $0) > 0 }
    }
}
