import ArgumentParser
import Foundation
import Reports

/// `parley report`: one page from the folders that runs left.
struct WriteReport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Write one page, JSON and CSV from the folders of simulated and live runs."
    )

    @Argument(help: "Folders that `simulate --out` or `load --out` wrote.")
    var folders: [String]

    @Option(help: "A folder for index.html, report.json and the tables.")
    var out: String

    @Flag(help: "Print report.json.")
    var json = false

    func run() throws {
        let report: Report
        let files: KeyValuePairs<String, Data>
        do {
            let plotter = try Plotter(
                searchPath: ProcessInfo.processInfo.environment["PATH"] ?? ""
            )
            report = Report(
                try self.folders.map { try RunFiles(folder: URL(fileURLWithPath: $0)) },
                version: parleyVersion,
                command: "parley report \(self.folders.joined(separator: " ")) --out \(self.out)"
            )
            files = try report.files(drawnBy: plotter)
        } catch let error as ReportError {
            throw refusal(error.description)
        }
        try RunFolder.write(files, to: self.out)
        if self.json {
            for (name, data) in files where name == "report.json" {
                print(String(decoding: data, as: UTF8.self), terminator: "")
            }
        } else {
            print("\(self.out)/index.html")
        }
    }
}
