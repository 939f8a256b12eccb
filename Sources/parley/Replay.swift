import ArgumentParser
import FleetSimulation
import Foundation

/// `parley replay`: repeats a recorded run and compares the digests.
struct Replay: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Repeat a recorded run; exit with 3 if its digest differs."
    )

    @Argument(
        help: "The folder that `simulate --out` or `serve --record` wrote, or one record of it."
    )
    var folder: String

    @Flag(help: "Print the result as JSON.")
    var json = false

    func run() throws {
        if let live = try LiveRecord(path: self.folder) {
            return try self.replay(live)
        }
        let folder = URL(fileURLWithPath: self.folder, isDirectory: true)
        let recordFile = folder.appendingPathComponent("record.json")
        let record: ScenarioRun.Record
        do {
            record = try JSONDecoder().decode(
                ScenarioRun.Record.self,
                from: Data(ScenarioRun.read(recordFile).utf8)
            )
        } catch let error as DecodingError {
            throw refusal("\(recordFile.path): \(error); expected what simulate wrote")
        }
        let run = try ScenarioRun(folder: folder, seed: record.seed)
        var result = run.result()
        result.command = record.command
        result.version = parleyVersion
        try ScenarioRun.show(result, asJSON: self.json)
        guard result.digest == record.digest else {
            FileHandle.standardError.write(
                Data("the digest was \(record.digest): this is another run\n".utf8)
            )
            throw ExitCode(3)
        }
    }

    private func replay(_ live: LiveRecord) throws {
        let result = try live.replayed(command: "parley replay \(self.folder)")
        if self.json {
            print(try RunFolder.readableJSON(result))
        } else {
            print("\(result.segments) segments, \(result.steps) steps: \(result.verdict)")
            print("digest            \(result.digest)")
        }
        guard result.verdict == "held" else { throw ExitCode(3) }
    }
}
