/// Cuts a text frame into its messages: one or more, separated by a newline, which may also end the
/// last.
struct MessageSplitter {
    private var next = 0

    /// The next message of the frame, or `nil` after the last.
    mutating func next(in frame: Span<UInt8>) throws(FrameError) -> Range<Int>? {
        guard !frame.isEmpty else { throw FrameError(.emptyFrame, at: 0) }
        guard self.next < frame.count else { return nil }
        let start = self.next
        var end = start
        while end < frame.count, frame[end] != UInt8(ascii: "\n") { end += 1 }
        guard end > start else { throw FrameError(.emptyMessage, at: start) }
        self.next = end + 1
        return start..<end
    }

    /// Makes the splitter give no further message.
    mutating func stop() { self.next = .max }
}
