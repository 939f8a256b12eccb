package import ChatCore
package import Kernel

/// What the server API answers: an object with a `result` or an `error`.
package enum ApiResponse: Equatable, Sendable {
    case published(Offset, Epoch)
    /// One for each channel, in their order.
    case broadcast([ApiResponse])
    case history(HistoryResult)
    case done
    case error(ErrorCode)

    package func append(into output: inout [UInt8]) {
        JSONFields.object(into: &output) { fields, output in
            if case .error(let code) = self {
                fields.append("error", into: &output) { fields, output in
                    fields.append(required: "code", UInt64(code.rawValue), into: &output)
                    fields.append(required: "message", code.message.description, into: &output)
                }
                return
            }
            fields.append("result", into: &output) { fields, output in
                self.appendResult(&fields, into: &output)
            }
        }
    }

    private func appendResult(_ fields: inout JSONFields, into output: inout [UInt8]) {
        switch self {
        case .published(let offset, let epoch):
            // Without a log there is no position.
            guard offset != .start else { return }
            fields.append("offset", offset.rawValue, into: &output)
            fields.append("epoch", EpochText.text(of: epoch), into: &output)
        case .broadcast(let responses):
            fields.open("responses", into: &output)
            output.append(UInt8(ascii: "["))
            for (index, response) in responses.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                response.append(into: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .history(let result):
            fields.open("publications", into: &output)
            output.append(UInt8(ascii: "["))
            for (index, publication) in result.publications.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                publication.append(into: &output)
            }
            output.append(UInt8(ascii: "]"))
            fields.append(required: "epoch", result.epoch, into: &output)
            fields.append(required: "offset", result.offset, into: &output)
        case .done, .error: break
        }
    }
}
