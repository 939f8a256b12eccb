import Kernel

/// How the bytes of a record lie in a file: a mark, then frames, each with its length and checksum.
///
/// The first frame begins the segment, each further one is a block of steps. A file may end anywhere,
/// because its writer may have been killed: a last frame that is not whole is cut. Whatever else is not
/// as written is damage.
enum RecordFrame {
    /// "parleyrc", as eight bytes.
    static let mark: UInt64 = 0x6372_7965_6c72_6170
    static let version: UInt64 = 4
    /// Length and checksum, before the payload.
    static let headBytes = 16

    static func write(_ payload: [UInt8], to writer: inout ByteWriter) {
        precondition(payload.count <= Int(UInt32.max), "a frame has less than 4 GiB")
        let length = UInt64(payload.count)
        writer.fixed(length | (~length & 0xffff_ffff) << 32)
        writer.fixed(Digest128(of: payload[...]).low)
        writer.append(payload[...])
    }

    /// The payload's reader; `nil` at the end and where the rest is no whole frame.
    static func next(
        of bytes: [UInt8],
        at position: inout Int
    ) throws(ByteError) -> ByteReader? {
        var head = ByteReader(bytes, from: position, to: bytes.count)
        guard head.remaining >= Self.headBytes else { return nil }
        let word = try head.fixed()
        let length = word & 0xffff_ffff
        guard word >> 32 == ~length & 0xffff_ffff else {
            throw ByteError(position: position, expected: "a length and its complement")
        }
        let checksum = try head.fixed()
        let start = head.position
        guard Int(length) <= bytes.count - start else { return nil }
        let end = start + Int(length)
        guard Digest128(of: bytes[start..<end]).low == checksum else {
            throw ByteError(
                position: start,
                expected: "\(length) bytes of the checksum before them"
            )
        }
        position = end
        return ByteReader(bytes, from: start, to: end)
    }
}
