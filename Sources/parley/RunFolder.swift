import ArgumentParser
import Foundation

/// The folder that a run leaves: its result and the model files that it was made from.
enum RunFolder {
    /// Writes texts by file name; the folder is created where it is missing.
    static func write(_ files: KeyValuePairs<String, Data>, to path: String) throws {
        let folder = URL(fileURLWithPath: path, isDirectory: true)
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            for (name, data) in files { try data.write(to: folder.appendingPathComponent(name)) }
        } catch {
            throw refusal("--out: \(path): cannot be written; expected a folder or a free name")
        }
    }

    static func json(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(value)
    }

    static func readableJSON(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}

/// Says on standard error what was wrong with the input, and gives the exit code for it.
func refusal(_ text: String) -> ExitCode {
    FileHandle.standardError.write(Data("parley: \(text)\n".utf8))
    return ExitCode(2)
}
