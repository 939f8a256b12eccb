package import Kernel

/// What a frame is to a connection that does not keep pace.
package enum FrameKind: Equatable, Sendable {
    /// Goes out, and everything that is before it.
    case lasting
    /// Goes out, whatever is before it.
    case ping
    /// Publications of a conversation behind an offset, `nil` without a log: may be let go, and told of.
    case publications(ConversationID, after: Offset?)
}
