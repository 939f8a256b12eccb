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

    @Flag(help: .hidden)
    var inThisProcess = false

    func run() throws {
        if let live = try LiveRecord(path: self.folder) {
            return self.inThisProcess ? try self.replay(live) : try self.replayApart()
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

    /// A shard stops at what no host would tell it, and a record may say anything: so it stops in a
    /// process of its own.
    private func replayApart() throws {
        let child = Process()
        child.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        child.arguments =
            ["replay", self.folder, "--in-this-process"] + (self.json ? ["--json"] : [])
        var environment = ProcessInfo.processInfo.environment
        environment["SWIFT_BACKTRACE"] = "enable=no"
        child.environment = environment
        try child.run()
        child.waitUntilExit()
        switch child.terminationReason {
        case .exit:
            guard child.terminationStatus == 0 else { throw ExitCode(child.terminationStatus) }
        case .uncaughtSignal:
            throw refusal(
                "\(self.folder): the shard stopped at what the record says; expected what a host"
                    + " has told it"
            )
        @unknown default: throw ExitCode(70)
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
