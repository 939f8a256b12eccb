import ClientProtocol
import SwiftProtobuf

/// Cuts a binary frame into its messages, each after its length as a varint.
struct DelimitedSplitter {
    private var next = 0

    /// The next message of the frame, or `nil` after the last.
    mutating func next(in frame: Span<UInt8>) throws(FrameError) -> Range<Int>? {
        guard !frame.isEmpty else { throw FrameError(.emptyFrame, at: 0) }
        guard self.next < frame.count else { return nil }
        let start = self.next
        var position = start
        var length = 0
        var shift = 0
        while true {
            // Four groups of seven bits are more than any frame holds.
            guard position < frame.count, shift < 28 else {
                throw FrameError(.badLength, at: start)
            }
            let byte = frame[position]
            position += 1
            length |= Int(byte & 0x7f) << shift
            shift += 7
            if byte & 0x80 == 0 { break }
        }
        guard length <= frame.count - position else { throw FrameError(.badLength, at: start) }
        self.next = position + length
        return position..<self.next
    }

    /// Makes the splitter give no further message.
    mutating func stop() { self.next = .max }
}

extension SwiftProtobuf.Message {
    /// Reads a message; what the schema does not know is skipped and not kept.
    init(range: Range<Int>, of frame: Span<UInt8>) throws(FrameError) {
        var options = BinaryDecodingOptions()
        options.discardUnknownFields = true
        do {
            // SAFETY: a byte has no padding, and the bytes are read only during the call.
            let bytes = unsafe frame.extracting(range).bytes
            try self.init(serializedBytes: bytes, options: options)
        } catch {
            throw FrameError(.badProtobuf, at: range.lowerBound)
        }
    }

    /// Appends the message after its length.
    func appendDelimited(to output: inout [UInt8]) {
        let bytes: [UInt8]
        do {
            bytes = try self.serializedBytes()
        } catch {
            preconditionFailure("a message without required fields is always complete: \(error)")
        }
        var length = bytes.count
        while length > 0x7f {
            output.append(UInt8(length & 0x7f) | 0x80)
            length >>= 7
        }
        output.append(UInt8(length))
        output.append(contentsOf: bytes)
    }
}
