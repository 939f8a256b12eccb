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
    static func unmasked(_ frame: WebSocketFrame) -> [UInt8] {
        let data = frame.data
        guard let key = frame.maskKey else { return Array(data.readableBytesView) }
        var pattern: UInt64 = 0
        for index in 0..<8 { pattern |= UInt64(key[index & 3]) << UInt64(8 * index) }
        pattern = pattern.littleEndian
        let count = data.readableBytes
        return unsafe [UInt8](unsafeUninitializedCapacity: count) { bytes, filled in
            let target = UnsafeMutableRawBufferPointer(bytes)
            unsafe data.withUnsafeReadableBytes { source in
                var index = 0
                while count - index >= 8 {
                    let word = unsafe source.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                    unsafe target.storeBytes(
                        of: word ^ pattern,
                        toByteOffset: index,
                        as: UInt64.self
                    )
                    index += 8
                }
                while index < count {
                    unsafe target[index] = source[index] ^ key[index & 3]
                    index += 1
                }
            }
            // Every byte of the frame was written above.
            filled = count
        }
    }
}
