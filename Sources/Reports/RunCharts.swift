import Measurement

/// The charts of one run.
struct RunCharts {
    let run: RunDocument
    /// Begins the ids of this run's charts.
    let id: String

    /// More nodes than this are drawn as the idlest, the mean and the busiest.
    private static let nodeLimit = 6

    var charts: [Chart] {
        var charts = [
            self.overTime(
                "deliveries",
                "Deliveries",
                "a second",
                [
                    self.rate("deliveries", 1, self.run.series.deliveries, isFilled: true)
                ]
            ),
            self.overTime(
                "messages",
                "Messages",
                "a second",
                [
                    self.rate("sent", 3, self.run.series.sent, isFilled: true),
                    self.rate("acknowledged", 2, self.run.series.acknowledged),
                ]
            ),
            self.latency("ack", "Send to acknowledgement", self.run.series.sendToAck),
            self.latency("delivery", "Send to delivery", self.run.series.sendToDelivery),
            self.overTime(
                "online",
                "Devices online",
                "fewest at once in a step",
                [
                    self.line(
                        "online",
                        5,
                        self.run.series.online.map { Double($0) },
                        isFilled: true
                    )
                ]
            ),
        ]
        if !self.run.series.busyNodes.isEmpty { charts.append(self.utilisation) }
        if !self.run.series.storeQueue.isEmpty {
            let depths = self.run.series.storeQueue.map { Double($0) }
            charts.append(
                self.overTime(
                    "store",
                    "Store queue",
                    "most writes that waited at once",
                    [self.line("writes", 4, depths, isFilled: true)]
                )
            )
        }
        charts.append(self.spread)
        return charts
    }

    private var stepSeconds: Double { Double(self.run.series.stepMilliseconds) / 1_000 }

    private func overTime(
        _ name: String,
        _ title: String,
        _ unit: String,
        _ lines: [Chart.Line]
    ) -> Chart {
        let ends = lines.map { line in
            let greatest = line.points.compactMap(\.y).max() ?? 0
            return "\(line.label) at most \(Numbers.rate(greatest))"
        }
        return Chart(
            id: "\(self.id)-\(name)",
            title: title,
            unit: unit,
            description: "Over \(self.run.series.sent.count) steps of"
                + " \(Numbers.seconds(milliseconds: self.run.series.stepMilliseconds)):"
                + " \(ends.joined(separator: ", ")).",
            lines: lines,
            bands: self.run.faults.map {
                (Double($0.beginMilliseconds) / 1_000, Double($0.endMilliseconds) / 1_000)
            },
            horizontalEnd: self.stepSeconds * Double(self.run.series.sent.count)
        )
    }

    private func line(
        _ label: String,
        _ colour: Int,
        _ values: [Double?],
        isFilled: Bool = false
    ) -> Chart.Line {
        let points = values.enumerated().map { step, value in
            ((Double(step) + 0.5) * self.stepSeconds, value)
        }
        return Chart.Line(label: label, colour: colour, isFilled: isFilled, points: points)
    }

    private func rate(
        _ label: String,
        _ colour: Int,
        _ counts: [UInt64],
        isFilled: Bool = false
    ) -> Chart.Line {
        self.line(label, colour, counts.map { Double($0) / self.stepSeconds }, isFilled: isFilled)
    }

    private func latency(
        _ name: String,
        _ title: String,
        _ percentiles: Series.Percentiles
    ) -> Chart {
        func milliseconds(_ values: [UInt64]) -> [Double?] {
            values.map { $0 > 0 ? Double($0) / 1_000 : nil }
        }
        let lines = [
            self.line("p99", 2, milliseconds(percentiles.p99)),
            self.line("p50", 1, milliseconds(percentiles.p50)),
        ]
        var chart = self.overTime(name, title, "by when the message was to be sent", lines)
        chart.vertical = .logarithmic
        let greatest = lines.map { line in
            "\(line.label) at most \(Numbers.milliseconds(line.points.compactMap(\.y).max() ?? 0))"
        }
        chart.description = "\(title), on a logarithmic scale: \(greatest.joined(separator: ", "))."
        return chart
    }

    private var utilisation: Chart {
        let nodes = self.run.series.busyNodes.map { node in node.map { Double($0) / 10_000 } }
        var lines: [Chart.Line] = []
        if nodes.count <= Self.nodeLimit {
            for (node, values) in nodes.enumerated() {
                lines.append(self.line("node \(node)", node % 6 + 1, values))
            }
        } else {
            let steps = self.run.series.sent.indices.map { step in nodes.map { $0[step] }.sorted() }
            lines = [
                self.line("busiest node", 2, steps.map(\.last)),
                self.line("mean", 1, steps.map { $0.reduce(0, +) / Double($0.count) }),
                self.line("idlest node", 3, steps.map(\.first)),
            ]
        }
        return self.overTime("utilisation", "Utilisation", "busy part of a node’s cores, %", lines)
    }

    private var spread: Chart {
        Chart(
            id: "\(self.id)-spread",
            title: "Latencies of the whole run",
            unit: "% that took at most so long",
            description: "Cumulative: half of the acknowledgements within"
                + " \(Numbers.milliseconds(self.run.sendToAck.p50)), half of the deliveries within"
                + " \(Numbers.milliseconds(self.run.sendToDelivery.p50)).",
            lines: [
                Self.cumulative("send to acknowledgement", 1, self.run.sendToAckSpread),
                Self.cumulative("send to delivery", 2, self.run.sendToDeliverySpread),
            ],
            horizontal: .logarithmic,
            verticalEnd: 100
        )
    }

    /// The part of the latencies, in percent, that were at most so long, in milliseconds.
    static func cumulative(_ label: String, _ colour: Int, _ spread: Distribution) -> Chart.Line {
        let total = spread.counts.reduce(0, +)
        var sum: UInt64 = 0
        var points: [(x: Double, y: Double?)] = []
        for (limit, count) in zip(spread.upTo, spread.counts) {
            sum += count
            points.append((Double(limit) / 1_000, Double(sum) * 100 / Double(max(total, 1))))
        }
        return Chart.Line(label: label, colour: colour, points: points)
    }
}

/// A live run and the simulation of the same workload file on one node.
struct RunPair {
    /// Begins the ids of its charts.
    var id: String
    var live: RunDocument
    var simulated: RunDocument

    var charts: [Chart] {
        [
            self.chart("ack", "Send to acknowledgement", \.sendToAckSpread, \.sendToAck),
            self.chart("delivery", "Send to delivery", \.sendToDeliverySpread, \.sendToDelivery),
        ]
    }

    private func chart(
        _ name: String,
        _ title: String,
        _ spread: KeyPath<RunDocument, Distribution>,
        _ percentiles: KeyPath<RunDocument, RunDocument.Percentiles>
    ) -> Chart {
        let halves = [self.live, self.simulated].map {
            Numbers.milliseconds($0[keyPath: percentiles].p50)
        }
        return Chart(
            id: "\(self.id)-\(name)",
            title: title,
            unit: "% that took at most so long",
            description: "Half within \(halves[0]) live and within \(halves[1]) simulated.",
            lines: [
                RunCharts.cumulative("live", 1, self.live[keyPath: spread]),
                RunCharts.cumulative("simulated", 2, self.simulated[keyPath: spread]),
            ],
            horizontal: .logarithmic,
            verticalEnd: 100
        )
    }
}
