import ArgumentParser
import LoadGenerator

/// `parley bench reference-server`: what `bench serve` starts beside `serve`.
struct ReferenceServer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reference-server",
        abstract: "Run the bare loop in C that `bench serve` compares with.",
        shouldDisplay: false
    )

    @Option(help: "A port of the loopback address.")
    var port: Int

    func run() throws { try FanOutLoop.serve(port: self.port) }
}
