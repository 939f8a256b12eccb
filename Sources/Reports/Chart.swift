/// One picture: lines over time or over a latency, with bands where something was wrong.
struct Chart {
    struct Line {
        var label: String
        /// A colour of the page, from 1 to 6.
        var colour: Int
        var isDashed = false
        /// Filled down to the axis.
        var isFilled = false
        /// `nil` where there is nothing to show.
        var points: [(x: Double, y: Double?)]
    }

    enum Scale {
        case linear
        /// For latencies in milliseconds.
        case logarithmic
    }

    /// Distinct within the page; letters, digits and hyphens.
    var id: String
    var title: String
    /// What the vertical axis measures.
    var unit: String
    /// For those who do not see it.
    var description: String
    var lines: [Line]
    var bands: [(from: Double, to: Double)] = []
    var horizontal = Scale.linear
    var vertical = Scale.linear
    var horizontalEnd: Double?
    /// A limit of the vertical axis, such as 100 for a part of a whole.
    var verticalEnd: Double?
    var horizontalUnit = "s"
}

extension Chart {
    /// Colours that the page replaces with its own: gnuplot writes them as `rgb(n, n, n)`.
    enum Ink {
        static let axis = 101
        static let text = 102
        static let grid = 103
        static let band = 104
        static let firstLine = 110

        static func rgb(_ number: Int) -> String {
            let digits = String(number, radix: 16)
            return "rgb \"#\(digits)\(digits)\(digits)\""
        }
    }

    /// The whole input of gnuplot.
    var script: String {
        var text = """
            set terminal svg size 560,250 fixed enhanced font "sans-serif,13" butt
            set encoding utf8
            unset key
            set border 1 lc \(Ink.rgb(Ink.axis))
            set tics nomirror scale 0.5
            set tics textcolor \(Ink.rgb(Ink.text))
            set ytics scale 0
            set grid ytics back lt 1 dt solid lw 1 lc \(Ink.rgb(Ink.grid))
            set lmargin 8
            set rmargin 3
            set tmargin 0.8
            set bmargin 2

            """
        text += self.axes
        for (index, band) in self.bands.enumerated() {
            text += "set object \(index + 1) rectangle from first \(band.from), graph 0"
            text +=
                " to first \(band.to), graph 1 fc \(Ink.rgb(Ink.band)) fs solid noborder behind\n"
        }
        for (index, line) in self.lines.enumerated() {
            text += "$d\(index) << EOD\n"
            for point in line.points {
                text += "\(point.x) \(point.y.map { "\($0)" } ?? "NaN")\n"
            }
            text += "EOD\n"
        }
        var plots: [String] = []
        for (index, line) in self.lines.enumerated() {
            let colour = Ink.rgb(Ink.firstLine + line.colour)
            if line.isFilled {
                plots.append(
                    "$d\(index) using 1:2 with filledcurves y1=0 fs transparent solid 0.14"
                        + " lc \(colour)"
                )
            }
            let dash = line.isDashed ? " dt (6,4)" : ""
            plots.append("$d\(index) using 1:2 with lines lw 2\(dash) lc \(colour)")
        }
        return text + "plot " + plots.joined(separator: ", \\\n  ") + "\nexit\n"
    }

    private var axes: String {
        var text = ""
        let points = self.lines.flatMap(\.points)
        switch self.horizontal {
        case .linear:
            let end = self.horizontalEnd ?? points.map(\.x).max() ?? 1
            text += "set xrange [0:\(end)]\nset xtics format \"%g \(self.horizontalUnit)\"\n"
        case .logarithmic:
            let values = points.filter { $0.y != nil && $0.x > 0 }.map(\.x)
            let range = (values.min() ?? 1, values.max() ?? 10)
            text += "set logscale x 10\nset xrange [\(range.0):\(max(range.1, range.0 * 1.1))]\n"
            text += Self.latencyTics("x", range)
        }
        let values = points.compactMap(\.y)
        switch self.vertical {
        case .linear:
            let greatest = max(values.max() ?? 0, 0)
            let end =
                self.verticalEnd.map { "\($0)" } ?? (greatest > 0 ? "\(greatest * 1.06)" : "1")
            text += "set yrange [0:\(end)]\nset format y \"\(Self.format(greatest))\"\n"
            text += "set ytics \(Self.step(self.verticalEnd ?? max(greatest, 0.000_001)))\n"
        case .logarithmic:
            let present = values.filter { $0 > 0 }
            let range = ((present.min() ?? 1) * 0.7, (present.max() ?? 10) * 1.4)
            text += "set logscale y 10\nset yrange [\(range.0):\(range.1)]\n"
            text += Self.latencyTics("y", range)
        }
        return text
    }

    /// At most five lines across, at 1, 2 or 5 times a power of ten.
    private static func step(_ greatest: Double) -> Double {
        var step = 0.000_001
        let factors: [Double] = [2, 2.5, 2]
        var turn = 0
        while greatest / step > 5 {
            step *= factors[turn % 3]
            turn += 1
        }
        return step
    }

    private static func format(_ greatest: Double) -> String {
        greatest >= 2_000 ? "%.0s%c" : "%g"
    }

    private static func latencyTics(_ axis: String, _ range: (Double, Double)) -> String {
        let named: [(Double, String)] = [
            (0.001, "1 µs"), (0.01, "10 µs"), (0.1, "100 µs"), (1, "1 ms"), (10, "10 ms"),
            (100, "100 ms"), (1_000, "1 s"), (10_000, "10 s"), (100_000, "100 s"),
        ]
        let halves: [(Double, String)] = [
            (0.02, "20 µs"), (0.05, "50 µs"), (0.2, "200 µs"), (0.5, "500 µs"), (2, "2 ms"),
            (5, "5 ms"), (20, "20 ms"), (50, "50 ms"), (200, "200 ms"), (500, "500 ms"),
            (2_000, "2 s"),
            (5_000, "5 s"), (20_000, "20 s"),
        ]
        let decades = named.filter { $0.0 >= range.0 && $0.0 <= range.1 }
        let all = decades.count > 2 ? decades : named + halves
        let tics = all.filter { $0.0 >= range.0 && $0.0 <= range.1 }
            .map { "\"\($0.1)\" \($0.0)" }
        return "set \(axis)tics (\(tics.joined(separator: ", ")))\n"
    }
}
