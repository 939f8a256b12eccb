import Foundation

/// Draws charts with gnuplot, as text that goes into a page.
package struct Plotter: Sendable {
    private let executable: URL

    /// Looks for gnuplot in the folders of `searchPath`, which are separated by colons.
    package init(searchPath: String) throws(ReportError) {
        let found = searchPath.split(separator: ":").map { "\($0)/gnuplot" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
        guard let found else {
            throw ReportError(
                "gnuplot is not on the PATH; expected it for the charts: apt-get install gnuplot-nox"
            )
        }
        self.executable = URL(fileURLWithPath: found)
    }

    /// What gnuplot makes of a script.
    func draw(_ script: String) throws(ReportError) -> String {
        let process = Process()
        let (input, output, errors) = (Pipe(), Pipe(), Pipe())
        process.executableURL = self.executable
        // Without the user's own settings: one run gives one page.
        process.arguments = ["-d", "-"]
        process.environment = ["LC_ALL": "C.UTF-8", "GDFONTPATH": "", "HOME": "/nonexistent"]
        process.standardInput = input
        process.standardOutput = output
        process.standardError = errors
        let drawn: Data
        let said: Data
        do {
            try process.run()
            // The script ends in `exit`, so gnuplot has read it all before it begins to draw and
            // neither side can wait for the other.
            try input.fileHandleForWriting.write(contentsOf: Data(script.utf8))
            try input.fileHandleForWriting.close()
            drawn = try output.fileHandleForReading.readToEnd() ?? Data()
            said = try errors.fileHandleForReading.readToEnd() ?? Data()
        } catch {
            throw ReportError("\(self.executable.path): \(error); expected gnuplot to run")
        }
        process.waitUntilExit()
        guard process.terminationStatus == 0, !drawn.isEmpty else {
            let text = String(decoding: said, as: UTF8.self)
            throw ReportError("\(self.executable.path) failed: \(text)")
        }
        return String(decoding: drawn, as: UTF8.self)
    }
}
