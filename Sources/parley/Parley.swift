import ArgumentParser
import Foundation

/// The one command; each verb has a file of its own.
@main
struct Parley: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "parley",
        abstract: "A chat server that is rehearsed before it performs.",
        version: parleyVersion,
        subcommands: [
            Serve.self, Token.self, Load.self, Simulate.self, Replay.self,
            WriteReport.self, Bench.self,
        ]
    )

    /// Bad input ends with 2, as documented, not with the argument parser's own 64.
    static func main() async {
        do {
            var command = try Self.parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            try Self.finishOutput()
        } catch {
            guard Self.exitCode(for: error) == .validationFailure else {
                Self.exit(withError: error)
            }
            FileHandle.standardError.write(Data((Self.fullMessage(for: error) + "\n").utf8))
            Foundation.exit(2)
        }
    }

    /// What could not be written out, on a full disk or a closed descriptor, must not look like success.
    private static func finishOutput() throws {
        guard fflush(nil) != 0 else { return }
        let reason = POSIXErrorCode(rawValue: errno).map { POSIXError($0).localizedDescription }
        throw ValidationError("standard output cannot be written: \(reason ?? "error \(errno)")")
    }
}
