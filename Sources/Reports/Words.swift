/// What the figures say, in sentences; escaped, ready for the page.
enum Words {
    static let notValidated = "<span class=\"badge warn\">not validated live</span>"

    /// The verdict over all runs.
    static func verdict(_ report: Report) -> String {
        let runs = report.runs.map(\.run)
        let count = runs.count == 1 ? "the run" : "all \(runs.count) runs"
        let checks = runs.reduce(0) { $0 + $1.checkCount }
        var text: String
        if report.isBroken {
            let broken = runs.filter { $0.violationCount > 0 }
            let names = broken.map { "<strong>\(HTML.escape($0.name))</strong>" }
            text = "Promises were broken in \(names.joined(separator: ", ")): see the violations."
        } else if report.isHeld {
            text = "Every promise held in \(count)"
            text += checks > 0 ? ", over \(Numbers.grouped(checks)) checks by the oracles." : "."
        } else {
            let open = runs.filter { !$0.isHeld }.map {
                "<strong>\(HTML.escape($0.name))</strong> (\(HTML.escape($0.verdict)))"
            }
            text = "No promise was broken, but not everything was proven:"
            text += " \(open.joined(separator: ", "))."
        }
        for pair in report.pairs {
            text +=
                " The simulation of <strong>\(HTML.escape(pair.live.workloadName))</strong> puts"
            text += " the median acknowledgement at"
            text += " \(Numbers.milliseconds(pair.simulated.sendToAck.p50)), where real sockets"
            text += " measured \(Numbers.milliseconds(pair.live.sendToAck.p50))."
        }
        if let fleet = runs.last(where: { $0.nodeCount > 1 }) { text += " " + Self.load(of: fleet) }
        return text
    }

    private static func load(of run: RunDocument) -> String {
        "<strong>\(HTML.escape(run.name))</strong>: \(Numbers.grouped(run.userCount)) users on"
            + " \(run.nodeCount) nodes, \(Numbers.rate(run.deliveriesPerSecond)) deliveries a second;"
            + " half of the messages were acknowledged within"
            + " \(Numbers.milliseconds(run.sendToAck.p50)), 99 % within"
            + " \(Numbers.milliseconds(run.sendToAck.p99))."
            + (run.isNotValidatedLive ? " \(Self.notValidated)" : "")
    }

    /// What one run was, and what stands out.
    static func paragraph(_ run: RunDocument) -> String {
        var text: String
        switch run.kind {
        case .live:
            text = "Real sockets to one server"
            if let url = run.url { text += " (<code>\(HTML.escape(url))</code>)" }
            text += ", driven open loop by \(Numbers.grouped(run.userCount)) users."
            if let expected = run.deliveriesExpected {
                text += " They received \(Numbers.grouped(run.deliveryCount)) of"
                text += " \(Numbers.grouped(expected)) messages owed to them."
            }
            if let lateness = run.generatorLateness {
                text += " The generator itself was late by"
                text +=
                    " \(Numbers.milliseconds(lateness.p99)) at p99, which is part of the figures."
            }
        case .simulated:
            let shards = run.setting?.shards ?? 0
            text = "Simulated: \(Numbers.grouped(run.userCount)) users on \(run.nodeCount)"
            text += run.nodeCount == 1 ? " node" : " nodes"
            text += " with \(shards) \(shards == 1 ? "shard" : "shards") in all."
            if let busiest = run.utilisation?.max(by: { $0.mean < $1.mean }) {
                text += " The busiest, node \(busiest.node), worked"
                text += " \(Numbers.percent(busiest.mean)) of the time."
            }
        }
        for fault in run.faults {
            text += " From \(Numbers.seconds(milliseconds: fault.beginMilliseconds)) to"
            text += " \(Numbers.seconds(milliseconds: fault.endMilliseconds)),"
            text += " \(HTML.escape(fault.text))."
        }
        text += " Users sent from \(Numbers.seconds(milliseconds: run.sendingBegins)) to"
        text += " \(Numbers.seconds(milliseconds: run.sendingEnds))."
        return text
    }

    /// What a reader must know before believing the figures.
    static func caveats(_ run: RunDocument) -> [String] {
        var caveats: [String] = []
        if run.isNotValidatedLive {
            caveats.append(
                "\(Self.notValidated) Figures for more than one node come from simulation alone:"
                    + " running many processes as one fleet does not exist live yet."
            )
        }
        if let setting = run.setting, setting.hostBasis == "estimated" {
            caveats.append(
                "The costs of the host model <strong>\(HTML.escape(setting.host))</strong> are"
                    + " estimates until they are calibrated against a live host. Utilisation, and"
                    + " the part of the latencies that is computing, are no better than they are."
            )
        }
        return caveats
    }
}
