import NIOCore

/// Makes whole unmasked WebSocket frames (RFC 6455, section 5.2) as bytes that go out as they are.
enum FrameBytes {
    enum Opcode: UInt8 {
        case text = 0x1
        case binary = 0x2
        case close = 0x8
        case ping = 0x9
        case pong = 0xA
    }

    static func frame(
        _ opcode: Opcode,
        _ payload: [UInt8],
        allocator: ByteBufferAllocator
    ) -> ByteBuffer {
        var buffer = allocator.buffer(capacity: payload.count + 10)
        buffer.writeInteger(0x80 | opcode.rawValue)
        switch payload.count {
        case ..<126:
            buffer.writeInteger(UInt8(payload.count))
        case ..<65_536:
            buffer.writeInteger(UInt8(126))
            buffer.writeInteger(UInt16(payload.count))
        default:
            buffer.writeInteger(UInt8(127))
            buffer.writeInteger(UInt64(payload.count))
        }
        buffer.writeBytes(payload)
        return buffer
    }

    /// A close frame; the reason is at most 123 bytes.
    static func close(
        code: UInt16,
        reason: String,
        allocator: ByteBufferAllocator
    ) -> ByteBuffer {
        let payload = [UInt8(code >> 8), UInt8(truncatingIfNeeded: code)] + reason.utf8.prefix(123)
        return Self.frame(.close, payload, allocator: allocator)
    }
}
