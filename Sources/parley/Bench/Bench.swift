import ArgumentParser

/// `parley bench`: what this machine makes of Parley's parts.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure a part of Parley on this machine, beside a reference.",
        subcommands: [
            CalendarBench.self, SimulateBench.self, ServerBench.self, StormBench.self,
            ReferenceServer.self,
        ]
    )
}
