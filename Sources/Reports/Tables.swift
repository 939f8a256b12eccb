import Measurement

/// The report as tables for other programs: numbers with a point, comma-separated, in UTF-8.
enum Tables {
    /// A field in quotes where it needs them (RFC 4180).
    ///
    /// A leading sign that a spreadsheet would take for a formula gets an apostrophe.
    static func field(_ text: String) -> String {
        var text = text
        if let first = text.first, "=+-@\t\r".contains(first) { text = "'" + text }
        guard text.contains(where: { ",\"\n\r".contains($0) || $0 == "\r\n" }) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }

    private static func text(_ rows: [[String]]) -> String {
        rows.map { $0.joined(separator: ",") + "\n" }.joined()
    }

    private static func seconds(_ run: RunDocument, _ step: Int) -> String {
        Numbers.plain(Double(UInt64(step) * run.series.stepMilliseconds) / 1_000)
    }

    private static func milliseconds(_ microseconds: UInt64) -> String {
        microseconds > 0 ? Numbers.plain(Double(microseconds) / 1_000) : ""
    }

    static func series(_ runs: [RunDocument]) -> String {
        var rows = [
            [
                "run", "name", "kind", "second", "sent", "acknowledged", "deliveries", "online",
                "store_queue", "send_to_ack_p50_ms", "send_to_ack_p99_ms",
                "send_to_delivery_p50_ms",
                "send_to_delivery_p99_ms",
            ]
        ]
        for (number, run) in runs.enumerated() {
            let series = run.series
            for step in series.sent.indices {
                rows.append([
                    "\(number + 1)", Self.field(run.name), run.kind.rawValue,
                    Self.seconds(run, step), "\(series.sent[step])",
                    "\(series.acknowledged[step])", "\(series.deliveries[step])",
                    "\(series.online[step])",
                    series.storeQueue.isEmpty ? "" : "\(series.storeQueue[step])",
                    Self.milliseconds(series.sendToAck.p50[step]),
                    Self.milliseconds(series.sendToAck.p99[step]),
                    Self.milliseconds(series.sendToDelivery.p50[step]),
                    Self.milliseconds(series.sendToDelivery.p99[step]),
                ])
            }
        }
        return Self.text(rows)
    }

    static func latency(_ runs: [RunDocument]) -> String {
        var rows = [["run", "name", "kind", "measure", "up_to_ms", "count", "cumulative_part"]]
        for (number, run) in runs.enumerated() {
            for (measure, spread) in [
                ("send_to_ack", run.sendToAckSpread),
                ("send_to_delivery", run.sendToDeliverySpread),
            ] {
                let total = max(spread.counts.reduce(0, +), 1)
                var sum: UInt64 = 0
                for (limit, count) in zip(spread.upTo, spread.counts) {
                    sum += count
                    rows.append([
                        "\(number + 1)", Self.field(run.name), run.kind.rawValue, measure,
                        Numbers.plain(Double(limit) / 1_000), "\(count)",
                        Numbers.plain(Double(sum) / Double(total)),
                    ])
                }
            }
        }
        return Self.text(rows)
    }

    static func utilisation(_ runs: [RunDocument]) -> String {
        var rows = [["run", "name", "kind", "second", "node", "busy_part"]]
        for (number, run) in runs.enumerated() {
            for step in run.series.sent.indices {
                for (node, values) in run.series.busyNodes.enumerated() {
                    rows.append([
                        "\(number + 1)", Self.field(run.name), run.kind.rawValue,
                        Self.seconds(run, step), "\(node)",
                        Numbers.plain(Double(values[step]) / 1_000_000),
                    ])
                }
            }
        }
        return Self.text(rows)
    }
}
