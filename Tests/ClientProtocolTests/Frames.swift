import ChatCore
import ClientProtocol
import Kernel
import ProtobufCodec

/// Everything that a frame holds, or what is wrong with it.
func commands(in frame: [UInt8]) throws(FrameError) -> [ClientCommand] {
    var decoder = ClientFrameDecoder()
    var commands: [ClientCommand] = []
    while let command = try decoder.next(in: frame.span) { commands.append(command) }
    return commands
}

func commands(in frame: String) throws(FrameError) -> [ClientCommand] {
    try commands(in: Array(frame.utf8))
}

/// The reason for which a frame is refused, `nil` when it is accepted.
func refusal(of frame: [UInt8]) -> FrameError? {
    do throws(FrameError) {
        _ = try commands(in: frame)
        return nil
    } catch {
        return error
    }
}

func refusal(of frame: String) -> FrameError? { refusal(of: Array(frame.utf8)) }

func messages(in frame: [UInt8]) throws(FrameError) -> [ServerMessage] {
    var decoder = ServerFrameDecoder()
    var messages: [ServerMessage] = []
    while let message = try decoder.next(in: frame.span) { messages.append(message) }
    return messages
}

/// What an encoder writes.
func encoded(_ body: (inout [UInt8]) -> Void) -> [UInt8] {
    var output: [UInt8] = []
    body(&output)
    return output
}

/// The same of binary frames.
func protobufCommands(in frame: [UInt8]) throws(FrameError) -> [ClientCommand] {
    var decoder = ProtobufClientFrameDecoder()
    var commands: [ClientCommand] = []
    while let command = try decoder.next(in: frame.span) { commands.append(command) }
    return commands
}

func protobufMessages(in frame: [UInt8]) throws(FrameError) -> [ServerMessage] {
    var decoder = ProtobufServerFrameDecoder()
    var messages: [ServerMessage] = []
    while let message = try decoder.next(in: frame.span) { messages.append(message) }
    return messages
}

func protobufFrame(_ commands: [ClientCommand]) -> [UInt8] {
    encoded { for command in commands { ProtobufClientEncoder.append(command, into: &$0) } }
}

func protobufFrame(_ messages: [ServerMessage]) -> [UInt8] {
    encoded { for message in messages { ProtobufServerEncoder.append(message, into: &$0) } }
}
