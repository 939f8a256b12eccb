import NIOCore
import NIOWebSocket

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

    /// What a client's frame says (RFC 6455, section 5.3), eight bytes at a time.
    static func unmasked(_ frame: WebSocketFrame) -> ByteBuffer {
        guard let key = frame.maskKey else { return frame.data }
        var pattern: UInt64 = 0
        for index in 0..<8 { pattern |= UInt64(key[index & 3]) << UInt64(8 * index) }
        var payload = frame.data
        let start = payload.readerIndex
        let end = payload.writerIndex
        var index = start
        while end - index >= 8,
            let word = payload.getInteger(at: index, endianness: .little, as: UInt64.self)
        {
            payload.setInteger(word ^ pattern, at: index, endianness: .little)
            index += 8
        }
        while index < end, let byte = payload.getInteger(at: index, as: UInt8.self) {
            payload.setInteger(byte ^ key[(index - start) & 3], at: index)
            index += 1
        }
        return payload
    }
}
