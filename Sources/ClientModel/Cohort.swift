/// How the clients of one version, network and temper behave; the defaults are a Centrifuge SDK's.
///
/// Source: `client-protocol.md` 4.15. Kept small, because every client carries its cohort inline.
package struct Cohort: Equatable, Sendable, BitwiseCopyable {
    /// Bounds the random part of the wait before a new socket.
    package var reconnectMaximumMilliseconds: UInt32 = 20_000
    /// Bounds the random part of the wait before a command is repeated on a living socket.
    package var repeatMaximumMilliseconds: UInt32 = 10_000
    /// The least time before a socket is tried again, a subscription repeated or a message resent.
    package var backoffMinimumMilliseconds: UInt16 = 100
    /// How long an opening socket, and each command, may take.
    package var commandTimeoutMilliseconds: UInt16 = 5_000
    /// The server is taken for dead this long after a ping was due.
    package var pingSlackMilliseconds: UInt16 = 10_000
    /// Messages that are asked for in one page of history.
    package var pageLimit: UInt16 = 300
    /// How many messages wait for their acknowledgement; one more is refused on the device.
    package var sendLimit: UInt8 = 64
    /// Whether a new device reads each conversation from its first message, not from its head.
    package var readsWholeLog = false
    /// Whether a device sends its commands behind `connect` without waiting for the answer.
    package var isEager = false

    package init() {}
}
