import ArgumentParser

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
}
