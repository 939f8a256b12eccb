package import Kernel

/// From how long a wait on what is refused: the longer a shard's queue, the more.
///
/// The order is that of the design: pages of history, new connections, new messages, and at last
/// every command, because its client has given up. Recovery, pongs and acknowledgements of what was
/// accepted are never refused before that.
package struct OverloadPolicy: Equatable, Sendable, BitwiseCopyable {
    /// A shorter wait is not worth telling a shard.
    package var leastTold: Interval = .milliseconds(20)
    /// Pages of history are refused above this wait.
    package var history: Interval = .milliseconds(150)
    /// New connections are limited above this wait, to what the shard was seen to work off.
    package var connections: Interval = .milliseconds(250)
    /// No new connection is let in above this wait.
    package var closed: Interval = .seconds(1)
    /// New messages are refused above this wait.
    package var messages: Interval = .seconds(1)
    /// A command that has waited longer than this is refused, whatever it is; shorter than the
    /// clients' own 5 s.
    package var everything: Interval = .seconds(3)

    package init() {}

    /// Whether the steps come in their order.
    package var isOrdered: Bool {
        self.leastTold <= self.history && self.history <= self.connections
            && self.connections <= self.closed && self.connections <= self.messages
            && self.closed <= self.everything && self.messages <= self.everything
    }
}
