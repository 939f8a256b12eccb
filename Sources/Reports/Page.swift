/// The report as one self-contained page: no scripts, nothing loaded from elsewhere.
struct Page {
    private let report: Report
    /// By run, then by chart.
    private let figures: [[String]]
    private let pairFigures: [[String]]

    init(_ report: Report, _ plotter: Plotter) throws(ReportError) {
        self.report = report
        var figures: [[String]] = []
        for (number, files) in report.runs.enumerated() {
            let charts = RunCharts(run: files.run, id: "run-\(number + 1)").charts
            let note = files.run.isNotValidatedLive ? Words.notValidated : nil
            figures.append(try Self.draw(charts, plotter, note: note))
        }
        self.figures = figures
        var pairFigures: [[String]] = []
        for pair in report.pairs {
            pairFigures.append(try Self.draw(pair.charts, plotter, note: nil))
        }
        self.pairFigures = pairFigures
    }

    private static func draw(
        _ charts: [Chart],
        _ plotter: Plotter,
        note: String?
    ) throws(ReportError) -> [String] {
        var figures: [String] = []
        for chart in charts {
            figures.append(
                HTML.figure(chart, try Picture(chart, drawnBy: plotter), note: note)
            )
        }
        return figures
    }

    private var title: String {
        self.report.runs.map(\.run.name).joined(separator: " · ")
    }

    func text() -> String {
        var sections = [self.header, self.summary]
        for (pair, figures) in zip(self.report.pairs, self.pairFigures) {
            sections.append(Self.comparison(pair, figures))
        }
        for (number, files) in self.report.runs.enumerated() {
            sections.append(self.section(number, files))
        }
        sections.append(self.provenance)
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>Parley report: \(HTML.escape(self.title))</title>
            <style>
            \(Stylesheet.text)</style>
            </head>
            <body>
            <main>
            \(sections.joined(separator: "\n"))
            </main>
            </body>
            </html>

            """
    }

    private var header: String {
        let style = self.report.isHeld ? "good" : self.report.isBroken ? "bad" : "warn"
        let contents = self.report.runs.enumerated().map { number, files in
            "<a href=\"#run-\(number + 1)\">\(HTML.escape(files.run.name))"
                + " <small>\(files.run.kind.rawValue)</small></a>"
        }
        return """
            <header>
            <p class="kicker">Parley report</p>
            <h1>\(HTML.escape(self.title))</h1>
            <p class="verdict \(style)">\(Words.verdict(self.report))</p>
            <nav aria-label="Runs">\(contents.joined())</nav>
            </header>
            """
    }

    private var summary: String {
        let rows = self.report.runs.map { files in
            let run = files.run
            let mark = run.isNotValidatedLive ? " \(Words.notValidated)" : ""
            return [
                "\(HTML.escape(run.name)) <small>\(run.kind.rawValue)</small>\(mark)",
                Numbers.grouped(run.userCount), "\(run.nodeCount)",
                Numbers.rate(run.messagesPerSecond), Numbers.rate(run.deliveriesPerSecond),
                Numbers.milliseconds(run.sendToAck.p50), Numbers.milliseconds(run.sendToAck.p99),
                Numbers.milliseconds(run.sendToDelivery.p50),
                Numbers.milliseconds(run.sendToDelivery.p99), HTML.verdict(run),
            ]
        }
        return """
            <section>
            <h2>At a glance</h2>
            \(HTML.table(
                caption: "Rates are over the time in which users send; latencies count from when a"
                    + " message was meant to be sent.",
                head: [
                    "Run", "Users", "Nodes", "Messages/s", "Deliveries/s", "Ack p50", "Ack p99",
                    "Delivery p50", "Delivery p99", "Verdict",
                ],
                rows: rows
            ))
            </section>
            """
    }

    private static func comparison(_ pair: RunPair, _ figures: [String]) -> String {
        var rows: [[String]] = []
        func add(_ name: String, _ live: Double, _ simulated: Double, _ show: (Double) -> String) {
            rows.append([name, show(live), show(simulated), Numbers.ratio(live, simulated)])
        }
        let (live, simulated) = (pair.live, pair.simulated)
        add("Messages a second", live.messagesPerSecond, simulated.messagesPerSecond, Numbers.rate)
        add(
            "Deliveries a second",
            live.deliveriesPerSecond,
            simulated.deliveriesPerSecond,
            Numbers.rate
        )
        for (name, value) in [
            ("Send to acknowledgement", \RunDocument.sendToAck),
            ("Send to delivery", \RunDocument.sendToDelivery),
        ] {
            let (measured, computed) = (live[keyPath: value], simulated[keyPath: value])
            add("\(name), p50", measured.p50, computed.p50, Numbers.milliseconds)
            add("\(name), p90", measured.p90, computed.p90, Numbers.milliseconds)
            add("\(name), p99", measured.p99, computed.p99, Numbers.milliseconds)
            add("\(name), p99.9", measured.p999, computed.p999, Numbers.milliseconds)
        }
        return """
            <section id="\(pair.id)">
            <h2>Live beside simulated</h2>
            <p>One workload file, <strong>\(HTML.escape(live.workloadName))</strong>, and one client\
             machine: over real sockets to one server, and in the simulator on one node.</p>
            <div class="figures">
            \(figures.joined(separator: "\n"))
            </div>
            \(HTML.table(
                caption: "What the simulation is worth for this workload: the last column is"
                    + " simulated over live.",
                head: ["Measure", "Live", "Simulated", "Ratio"],
                rows: rows
            ))
            </section>
            """
    }

    private func section(_ number: Int, _ files: RunFiles) -> String {
        let run = files.run
        var figures = [
            ("deliveries a second", Numbers.rate(run.deliveriesPerSecond)),
            ("messages a second", Numbers.rate(run.messagesPerSecond)),
            ("send to ack, p99", Numbers.milliseconds(run.sendToAck.p99)),
            ("send to delivery, p99", Numbers.milliseconds(run.sendToDelivery.p99)),
        ]
        if let presence = run.presence {
            let window = Numbers.milliseconds(presence.widestWindowSeconds * 1_000)
            figures += [
                ("presence updates told", Numbers.grouped(presence.told)),
                ("of these, somebody gone", Numbers.grouped(presence.gone)),
                ("widest window W in force", window),
            ]
        }
        let tiles = figures.map { "<div><dt>\($0.0)</dt><dd>\($0.1)</dd></div>" }
        let mark = run.isNotValidatedLive ? " \(Words.notValidated)" : ""
        let caveats = Words.caveats(run).map { "<p class=\"caveat\">\($0)</p>" }
        return """
            <section id="run-\(number + 1)">
            <h2>\(HTML.escape(run.name)) <small>\(run.kind.rawValue)</small> \(HTML.verdict(run))\(mark)</h2>
            <p>\(Words.paragraph(run))</p>
            <dl class="tiles">\(tiles.joined())</dl>
            \(caveats.joined(separator: "\n"))
            \(Self.violations(run))
            <div class="figures">
            \(self.figures[number].joined(separator: "\n"))
            </div>
            \(run.plans.map { HTML.plans($0) } ?? "")
            \(Self.checks(run))
            </section>
            """
    }

    private static func violations(_ run: RunDocument) -> String {
        guard run.violationCount > 0 else { return "" }
        let items = run.violations.map { "<li>\(HTML.escape($0))</li>" }
        let more = run.violationCount - min(UInt64(items.count), run.violationCount)
        let rest = more > 0 ? "<p>And \(Numbers.grouped(more)) more.</p>" : ""
        return """
            <div class="violations" role="alert"><h3>Violations: \
            \(Numbers.grouped(run.violationCount))</h3>
            <ol>\(items.joined())</ol>\(rest)
            <p>Again with <code>\(HTML.escape(run.command))</code></p></div>
            """
    }

    private static func checks(_ run: RunDocument) -> String {
        let rows: [[String]]
        if let checks = run.checks {
            rows = checks.map { [Self.law($0.law), Numbers.grouped($0.checks)] }
        } else {
            rows = [
                [
                    "Messages acknowledged",
                    "\(Numbers.grouped(run.acknowledgedCount)) of"
                        + " \(Numbers.grouped(run.sentCount))",
                ],
                [
                    "Messages received that were owed",
                    "\(Numbers.grouped(run.deliveryCount)) of"
                        + " \(Numbers.grouped(run.deliveriesExpected ?? 0))",
                ],
                ["Violations found", Numbers.grouped(run.violationCount)],
            ]
        }
        return HTML.table(
            caption: "Promises put to the test, and how often. A law that was never checked has not"
                + " held.",
            head: ["Promise", "Checks"],
            rows: rows
        )
    }

    private static func law(_ name: String) -> String {
        let texts = [
            "agreement": "Every observer sees the same message at the same offset",
            "durability": "No acknowledged message is lost",
            "uniqueness": "A message stands once in the log",
            "deviceOrder": "A device gets every message once and in order",
            "singleWriter": "Only the newest owner writes",
            "declaration": "What is lost is declared to all who had it, and nothing else is",
            "answers": "A command is answered in its time, also by a server that drains",
            "conduct": "Who breaks the protocol or answers no pings is sent away",
            "convergence": "After healing everyone has everything",
        ]
        return texts[name] ?? HTML.escape(name)
    }

    private var provenance: String {
        let runs = self.report.runs.enumerated().map { number, files in
            let run = files.run
            var facts = [
                ("seed", "\(run.seed)"), ("tool", "parley \(HTML.escape(run.version))"),
            ]
            if let digest = run.digest { facts.append(("trace digest", HTML.escape(digest))) }
            facts += files.models.map { ("\($0.name), SHA-256", $0.digest) }
            let list = facts.map { "<dt>\($0.0)</dt><dd><code>\($0.1)</code></dd>" }
            return """
                <h3>\(HTML.escape(run.name)) <small>\(run.kind.rawValue)</small></h3>
                <pre><code>\(HTML.escape(run.command))</code></pre>
                <dl class="facts">\(list.joined())</dl>
                """
        }
        return """
            <section id="provenance">
            <h2>Where this comes from</h2>
            \(runs.joined(separator: "\n"))
            <h3>This page</h3>
            <pre><code>\(HTML.escape(self.report.command))</code></pre>
            <p>By parley \(HTML.escape(self.report.version)). The same figures are in\
             <code>report.json</code>, <code>series.csv</code>, <code>latency.csv</code> and\
             <code>utilisation.csv</code> beside this page.</p>
            </section>
            """
    }
}
