import Foundation
import Reports
import Testing

struct ReportTests {
    static func files(_ runs: [PlantedRun]) throws -> [String: String] {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let report = Report(
            try runs.map { try $0.files() },
            version: "1.2.3",
            command: "parley report a --out b"
        )
        var files: [String: String] = [:]
        for (name, data) in try report.files(drawnBy: Plotter(searchPath: path)) {
            files[name] = String(decoding: data, as: UTF8.self)
        }
        return files
    }

    static func page(_ runs: PlantedRun...) throws -> String {
        try #require(try Self.files(runs)["index.html"])
    }

    @Test func `one input gives the same bytes`() throws {
        let runs = [PlantedRun(), PlantedRun(kind: "live", nodes: 1)]
        #expect(try Self.files(runs) == Self.files(runs))
    }

    @Test func `the page loads nothing, runs nothing, and says what it shows`() throws {
        let page = try Self.page(PlantedRun())
        for banned in ["<script", "http://", "https://", "src=", "@import", "url("] {
            #expect(!page.contains(banned), "\(banned)")
        }
        for fact in [
            "12\u{202f}345 users", "node 2 is down", "4\u{202f}321", "0123456789abcdef",
            "parley simulate planted.yaml --seed 7", "parley report a --out b", "parley 1.2.3",
            "7\u{202f}654", "<dd>321</dd>", "6.25\u{a0}s", "No acknowledged message is lost",
            "estimates until they are calibrated",
        ] {
            #expect(page.contains(fact), "\(fact)")
        }
    }

    @Test func `words from files cannot become markup`() throws {
        let evil = "<script>alert(\"1\" & '2')</script>"
        let page = try Self.page(
            PlantedRun(name: evil, violations: [evil], command: evil),
            PlantedRun(kind: "live", name: evil, nodes: 1, verdict: evil, command: evil)
        )
        #expect(!page.contains("<script"))
        #expect(
            page.contains("&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;")
        )
    }

    @Test func `a planted violation shows in the verdict, in the list and in JSON`() throws {
        let run = PlantedRun(verdict: "violated", violations: ["durability at 7 ms: gone"])
        let files = try Self.files([run])
        let page = try #require(files["index.html"])
        #expect(page.contains("class=\"verdict bad\""))
        #expect(page.contains("durability at 7 ms: gone"))
        #expect(files["report.json"]?.contains("\"verdict\" : \"violated\"") == true)
        #expect(try Self.page(PlantedRun()).contains("class=\"verdict good\""))
        #expect(try Self.page(PlantedRun(verdict: "unproven")).contains("class=\"verdict warn\""))
    }

    @Test func `every chart has a line, a name and a description, and keeps its ids to itself`()
        throws
    {
        let page = try Self.page(PlantedRun(), PlantedRun(name: "other"))
        let figures = page.components(separatedBy: "<figure>").dropFirst()
        #expect(figures.count == 16)
        var ids: Set<String> = []
        for figure in figures {
            #expect(figure.contains("var(--line-"))
            #expect(figure.contains(#/<path stroke='var\(--line-\d\)'\s+d='M[\d.]+,[\d.]+ L/#))
            #expect(!figure.contains("rgb("))
            let title = try #require(figure.firstMatch(of: #/<title id="([^"]+)">[^<]+</#))
            #expect(figure.contains(#/<desc id="[^"]+">[^<]+</#))
            #expect(ids.insert(String(title.1)).inserted)
        }
    }

    @Test func `every figure of several nodes says that it is not validated live`() throws {
        let label = ">not validated live<"
        let fleet = try Self.page(PlantedRun())
        for figure in fleet.components(separatedBy: "<figure>").dropFirst() {
            #expect(figure.contains(label))
        }
        #expect(!(try Self.page(PlantedRun(nodes: 1)).contains(label)))
    }

    @Test func `a live run stands beside the simulation of the same workload file only`() throws {
        let live = PlantedRun(kind: "live", nodes: 1)
        let heading = "Live beside simulated"
        #expect(try Self.page(live, PlantedRun(nodes: 1)).contains(heading))
        #expect(!(try Self.page(live, PlantedRun(nodes: 2)).contains(heading)))
        let other = PlantedRun(nodes: 1, workload: "name: other\n")
        #expect(!(try Self.page(live, other).contains(heading)))
    }

    @Test func `tables have a row for each step, with as many fields as the head`() throws {
        let files = try Self.files([PlantedRun(name: "a, \"b\""), PlantedRun(name: "=1+1")])
        for (name, rows) in [("series.csv", 6), ("latency.csv", 12), ("utilisation.csv", 24)] {
            let lines = try #require(files[name]).split(separator: "\n")
            #expect(lines.count == rows + 1, "\(name)")
            let width = lines[0].split(separator: ",").count
            for line in lines.dropFirst() {
                let text = line.replacing("\"a, \"\"b\"\"\"", with: "a")
                let fields = text.split(separator: ",", omittingEmptySubsequences: false)
                #expect(fields.count == width, "\(line)")
                #expect(fields[1] == "a" || fields[1] == "'=1+1")
            }
        }
    }

    @Test func `without gnuplot the error says how to get it`() throws {
        let error = try #require(throws: ReportError.self) {
            try Plotter(searchPath: "/nonexistent:/proc")
        }
        #expect(error.description.contains("apt-get install gnuplot-nox"))
    }

    @Test func `a folder that is no run is refused with its file and what was expected`() throws {
        func expectRefusal(_ reason: String, _ plant: (Folder) throws -> Void) throws {
            try Folder.with { folder in
                try plant(folder)
                let error = try #require(throws: ReportError.self) {
                    try RunFiles(folder: folder.url)
                }
                #expect(error.description.contains("run.json: \(reason)"), "\(error)")
                #expect(error.description.contains("expected a folder that"))
            }
        }
        try expectRefusal("cannot be read") { _ in }
        try expectRefusal("The given data") { try $0.write("no JSON", to: "run.json") }
        try expectRefusal("kind: is missing") { try $0.write("{}", to: "run.json") }
        try expectRefusal("series.acknowledged: has 3 steps, and sent has 2") {
            try PlantedRun(steps: 2).write(to: $0)
        }
        try expectRefusal("series: has no steps") { try PlantedRun(steps: 0).write(to: $0) }
    }
}
