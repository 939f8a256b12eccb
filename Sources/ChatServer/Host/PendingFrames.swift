package import Kernel
package import NIOCore

/// Frames that connections were sent and that their sockets have not been given yet, as a tree.
///
/// A node stands for the frames on the way to it from the root. Connections that were sent the same
/// share a node, and its bytes are put together once for all of them; a fan-out costs an index for each
/// target, whatever the frame.
package struct PendingFrames {
    /// The root: nothing is pending.
    package static let none: Int32 = 0

    private struct Node {
        var parent = PendingFrames.none
        var frame = ByteBuffer()
        var kind = FrameKind.lasting
        /// Connections that stand here, and children.
        var users: Int32 = 0
        var byteCount = 0
        /// The last fan-out that came through here, and where it led.
        var fanOut: UInt64 = 0
        var child = PendingFrames.none
        var gathered: ByteBuffer?
    }

    private var nodes = [Node()]
    private var vacant: [Int32] = []
    private var path: [Int32] = []
    private var fanOut: UInt64 = 0
    private let allocator = ByteBufferAllocator()

    package init() {}

    /// Nodes in use besides the root.
    package var count: Int { self.nodes.count - 1 - self.vacant.count }

    /// Begins to send another frame.
    package mutating func beginFanOut() { self.fanOut += 1 }

    /// Moves one connection from its node to the one with the present fan-out's frame behind it.
    package mutating func extend(
        _ node: Int32,
        by frame: ByteBuffer,
        _ kind: FrameKind = .lasting
    ) -> Int32 {
        let child =
            self.nodes[Int(node)].fanOut == self.fanOut
            ? self.nodes[Int(node)].child : self.addChild(of: node, frame, kind)
        self.nodes[Int(child)].users += 1
        if node != Self.none { self.nodes[Int(node)].users -= 1 }
        return child
    }

    /// Bytes of the frames up to a node.
    package func byteCount(_ node: Int32) -> Int { self.nodes[Int(node)].byteCount }

    /// The bytes of all frames up to a node, for one connection that leaves it.
    package mutating func take(_ node: Int32) -> ByteBuffer {
        let bytes = self.gathered(node)
        self.leave(node)
        return bytes
    }

    /// One connection leaves a node without its bytes.
    package mutating func leave(_ node: Int32) {
        var node = node
        while node != Self.none {
            self.nodes[Int(node)].users -= 1
            guard self.nodes[Int(node)].users == 0 else { return }
            let parent = self.nodes[Int(node)].parent
            self.nodes[Int(node)] = Node()
            self.vacant.append(node)
            node = parent
        }
    }

    /// Moves one connection to where it would be without the publications behind its last lasting frame.
    ///
    /// Adds to `dropped` what that was, by conversation the first. O(frames that are walked over).
    package mutating func dropPublications(
        _ node: Int32,
        _ dropped: inout [(conversation: ConversationID, after: Offset)]
    ) -> Int32 {
        var base = node
        var pings: [ByteBuffer] = []
        walk: while base != Self.none {
            switch self.nodes[Int(base)].kind {
            case .lasting: break walk
            case .ping: pings.append(self.nodes[Int(base)].frame)
            case .publications(let conversation, let after):
                if let after {
                    dropped.removeAll { $0.conversation == conversation }
                    dropped.append((conversation, after))
                }
            }
            base = self.nodes[Int(base)].parent
        }
        if base != Self.none { self.nodes[Int(base)].users += 1 }
        self.leave(node)
        for frame in pings.reversed() {
            self.beginFanOut()
            base = self.extend(base, by: frame, .ping)
        }
        return base
    }

    private mutating func addChild(
        of node: Int32,
        _ frame: ByteBuffer,
        _ kind: FrameKind
    ) -> Int32 {
        let child = self.vacant.popLast() ?? Int32(self.nodes.count)
        if Int(child) == self.nodes.count { self.nodes.append(Node()) }
        self.nodes[Int(child)].parent = node
        self.nodes[Int(child)].frame = frame
        self.nodes[Int(child)].kind = kind
        self.nodes[Int(child)].byteCount =
            self.nodes[Int(node)].byteCount + frame.readableBytes
        if node != Self.none { self.nodes[Int(node)].users += 1 }
        self.nodes[Int(node)].fanOut = self.fanOut
        self.nodes[Int(node)].child = child
        return child
    }

    private mutating func gathered(_ node: Int32) -> ByteBuffer {
        if self.nodes[Int(node)].parent == Self.none { return self.nodes[Int(node)].frame }
        if let gathered = self.nodes[Int(node)].gathered { return gathered }
        self.path.removeAll(keepingCapacity: true)
        var step = node
        while step != Self.none {
            self.path.append(step)
            step = self.nodes[Int(step)].parent
        }
        var bytes = self.allocator.buffer(capacity: self.nodes[Int(node)].byteCount)
        for step in self.path.reversed() {
            bytes.writeImmutableBuffer(self.nodes[Int(step)].frame)
        }
        if self.nodes[Int(node)].users > 1 { self.nodes[Int(node)].gathered = bytes }
        return bytes
    }
}
