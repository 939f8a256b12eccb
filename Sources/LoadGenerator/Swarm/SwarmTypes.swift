/// One socket of a swarm.
struct SwarmClient {
    enum Phase {
        case connecting
        case upgrading
        case authenticating
        case subscribing
        case ready
        case closed
    }

    var descriptor: Int32
    var phase = Phase.connecting
    let token: Int
    let stream: Int
    /// The offset that must come next.
    var next: UInt64 = 0
    /// The last command's id; 1 is `connect`, 2 is `subscribe`.
    var command: UInt32 = 2
    /// The beginning of a frame whose end has not come.
    var unread: [UInt8] = []
    /// What the socket has not taken yet.
    var unsent: [UInt8] = []
}

/// A conversation as its subscribers have received it.
struct SwarmStream {
    let channel: String
    var subscribers = 0
    /// By the low bits of the offset; empty until the first message.
    var known: [KnownMessage] = []
}

/// A message that some subscriber has received and decoded; the others' bytes must be the same.
struct KnownMessage {
    var offset: UInt64 = 0
    var bytes: [UInt8] = []
    /// Nanoseconds on the swarm's clock.
    var intended: UInt64 = 0
    /// Subscribers who have not received it.
    var left = 0
}

/// What a swarm has sent and received since it was made.
package struct SwarmCounts: Equatable, Sendable {
    /// Clients that are subscribed.
    package var ready = 0
    package var sent: UInt64 = 0
    package var acknowledged: UInt64 = 0
    /// Messages received, each once for each subscriber.
    package var delivered: UInt64 = 0
    /// Messages that all their subscribers have received.
    package var completed: UInt64 = 0
    /// Times that a socket was read.
    package var readCalls: UInt64 = 0
}

/// What went wrong, with the first few examples.
package struct SwarmFaults: Equatable, Sendable {
    package var count: UInt64 = 0
    package var examples: [String] = []

    mutating func add(_ text: @autoclosure () -> String) {
        self.count += 1
        if self.examples.count < 10 { self.examples.append(text()) }
    }
}

/// A system call that failed.
package struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
    package var call: String
    package var code: Int32

    package var description: String { "\(self.call) failed with error \(self.code)" }
}
