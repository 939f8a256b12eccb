import EventTrace
import Foundation
import Kernel

/// The record that `serve --record` left: one file, or a folder of them.
struct LiveRecord {
    /// What came of running it again; the digest is one over those of all segments, in order.
    struct Result: Encodable {
        var digest: String
        var verdict: String
        var violations: [String]
        var segments: Int
        var steps: UInt64
        var command: String
    }

    let files: [URL]

    /// `nil` if there is no such file at the path.
    init?(path: String) throws {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let url = URL(fileURLWithPath: path)
        guard try url.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == true else {
            self.files = [url]
            return
        }
        let files = try FileManager.default.contentsOfDirectory(
            at: url,
            includingPropertiesForKeys: nil
        ).filter { $0.pathExtension == "record" }
        guard !files.isEmpty else { return nil }
        self.files = files.sorted {
            $0.lastPathComponent.compare($1.lastPathComponent, options: .numeric)
                == .orderedAscending
        }
    }

    /// Runs each segment again.
    func replayed(command: String) throws -> Result {
        var result = Result(
            digest: "",
            verdict: "held",
            violations: [],
            segments: 0,
            steps: 0,
            command: command
        )
        var digest = Digest128()
        for file in self.files {
            guard let segment = try Self.replay(file) else { continue }
            result.segments += 1
            result.steps += segment.steps
            digest.combine(segment.digest.high)
            digest.combine(segment.digest.low)
            if !segment.held {
                result.verdict = "differs"
                let text = "\(file.path): differs in the block that ends at step \(segment.steps)\n"
                FileHandle.standardError.write(Data(text.utf8))
            }
        }
        guard result.segments > 0 else {
            throw refusal("\(self.files[0].path): expected a whole segment of a record")
        }
        result.digest = digest.hexadecimal
        return result
    }

    private static func replay(_ file: URL) throws -> SegmentReplay? {
        let bytes: [UInt8]
        do {
            bytes = Array(try Data(contentsOf: file))
        } catch {
            throw refusal("\(file.path): cannot be read; expected a record")
        }
        do {
            return try SegmentReplay(bytes)
        } catch {
            throw refusal("\(file.path): \(error)")
        }
    }
}
