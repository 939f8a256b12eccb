package import Kernel

/// From how long a wait on what is refused: the longer a shard's queue, the more.
///
/// The order is that of the design, after new sockets were made to wait: pages of history, new connections, new messages, and at last
/// every command, because its client has given up. Recovery, pongs and acknowledgements of what was
/// accepted are never refused before that.
package struct OverloadPolicy: Equatable, Sendable, BitwiseCopyable {
    /// A shorter wait is not worth telling a shard.
    package var leastTold: Interval = .milliseconds(20)
    /// New sockets wait at the door above this wait.
    package var held: Interval = .milliseconds(100)
    /// Pages of history are refused above this wait.
    package var history: Interval = .milliseconds(150)
    /// New sockets are turned away above this wait, and above this wait at the door if those who come then would
    /// wait there for longer than `everything`.
    package var connections: Interval = .seconds(1)
    /// New messages are refused above this wait.
    package var messages: Interval = .seconds(1)
    /// A command that has waited longer than this is refused, whatever it is; shorter than the
    /// clients' own 5 s.
    package var everything: Interval = .seconds(3)

    package init() {}

    /// Whether the steps come in their order.
    package var isOrdered: Bool {
        self.leastTold <= self.held && self.held <= self.history
            && self.history <= self.connections && self.connections <= self.messages
            && self.messages <= self.everything
    }
}
