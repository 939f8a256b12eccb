import ClientProtocol
import ProtobufCodec

/// How messages become bytes: one encoding of the client protocol.
enum WireFormat: Int, CaseIterable {
    /// Text frames.
    case json
    /// Binary frames.
    case protobuf

    var opcode: FrameBytes.Opcode {
        switch self {
        case .json: .text
        case .protobuf: .binary
        }
    }

    /// Appends a message to those that a frame holds already.
    func append(_ message: ServerMessage, into frame: inout [UInt8]) {
        switch self {
        case .json:
            if !frame.isEmpty { ServerEncoder.separator(into: &frame) }
            ServerEncoder.append(message, into: &frame)
        case .protobuf:
            ProtobufServerEncoder.append(message, into: &frame)
        }
    }
}

/// What a client chose when it asked for its socket.
package struct Dialect: Equatable, Sendable {
    var format = WireFormat.json
    /// Whether the WebSocket's own pings and pongs stand for the protocol's.
    var pingsByFrame = false

    /// The number of dialects, and this one's place among them.
    package static let count = WireFormat.allCases.count * 2
    package var index: Int { self.format.rawValue * 2 + (self.pingsByFrame ? 1 : 0) }

    /// In the order of their places.
    package static let all = WireFormat.allCases.flatMap {
        [Dialect(format: $0, pingsByFrame: false), Dialect(format: $0, pingsByFrame: true)]
    }
}

/// Reads a frame's commands in a connection's format.
enum CommandReader {
    case json(ClientFrameDecoder)
    case protobuf(ProtobufClientFrameDecoder)

    init(_ format: WireFormat) {
        switch format {
        case .json: self = .json(ClientFrameDecoder())
        case .protobuf: self = .protobuf(ProtobufClientFrameDecoder())
        }
    }

    /// The next command of the same frame as before, or `nil` after the last.
    mutating func next(in frame: Span<UInt8>) throws(FrameError) -> ClientCommand? {
        switch self {
        case .json(var decoder):
            let command = try decoder.next(in: frame)
            self = .json(decoder)
            return command
        case .protobuf(var decoder):
            let command = try decoder.next(in: frame)
            self = .protobuf(decoder)
            return command
        }
    }
}
