package import Kernel

/// From how long a wait on what is refused: the longer a shard's queue, the more.
///
/// The order is that of the design: pages of history, new connections, new messages, and at last
/// every command, because its client has given up. Recovery, pongs and acknowledgements of what was
/// accepted are never refused before that.
package struct OverloadPolicy: Equatable, Sendable, BitwiseCopyable {
    /// Pages of history are refused above this wait.
    package var history: Interval = .milliseconds(150)
    /// New connections are limited above this wait, to what the shard was seen to work off.
    package var connections: Interval = .milliseconds(250)
    /// New messages are refused above this wait.
    package var messages: Interval = .seconds(1)
    /// A command that has waited longer than this is refused, whatever it is; shorter than the
    /// clients' own 5 s.
    package var everything: Interval = .seconds(3)

    package init() {}

    /// Whether the steps come in their order.
    package var isOrdered: Bool {
        self.history <= self.connections && self.connections <= self.messages
            && self.messages <= self.everything
    }
}
