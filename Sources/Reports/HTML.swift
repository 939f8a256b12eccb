/// Pieces of a page; every text from a file goes through `escape`.
enum HTML {
    static func escape(_ text: String) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.append(character)
            }
        }
        return escaped
    }

    /// A table whose cells are already escaped; the first cell of a row is its heading.
    static func table(caption: String, head: [String], rows: [[String]]) -> String {
        let heading = head.enumerated().map { index, text in
            "<th scope=\"col\"\(index == 0 ? "" : " class=\"n\"")>\(text)</th>"
        }
        let body = rows.map { row in
            let cells = row.enumerated().map { index, text in
                index == 0
                    ? "<th scope=\"row\">\(text)</th>"
                    : "<td class=\"n\" data-label=\"\(head[index])\">\(text)</td>"
            }
            return "<tr>\(cells.joined())</tr>"
        }
        return """
            <div class="scroll"><table>
            <caption>\(caption)</caption>
            <thead><tr>\(heading.joined())</tr></thead>
            <tbody>
            \(body.joined(separator: "\n"))
            </tbody>
            </table></div>
            """
    }

    /// A chart with its heading and the key of its lines.
    static func figure(_ chart: Chart, _ picture: Picture, note: String?) -> String {
        let keys = chart.lines.map { line in
            "<span class=\"key\"><i class=\"c\(line.colour)\(line.isDashed ? " dashed" : "")\"></i>"
                + "\(Self.escape(line.label))</span>"
        }
        let bands =
            chart.bands.isEmpty ? "" : "<span class=\"key\"><i class=\"band\"></i>fault</span>"
        let label = note.map { " <span class=\"note\">\($0)</span>" } ?? ""
        return """
            <figure>
            <figcaption><strong>\(Self.escape(chart.title))</strong>\
             <span class="unit">\(Self.escape(chart.unit))</span>\(label)\
            <span class="keys">\(keys.joined())\(bands)</span></figcaption>
            \(picture.svg)
            </figure>
            """
    }

    /// Which plan was used how often.
    static func plans(_ plans: RunDocument.Plans) -> String {
        let total = Double(max(plans.direct + plans.grouped + plans.broadcast, 1))
        let rows = [
            ("Direct: each member who does not look is hinted", plans.direct),
            ("Grouped: hints are gathered for each user shard", plans.grouped),
            ("Broadcast: nobody is hinted", plans.broadcast),
            ("Of all of these, delivered by relays", plans.relayed),
        ].map { text, count in
            [text, Numbers.grouped(count), Numbers.percent(Double(count) / total)]
        }
        return Self.table(
            caption:
                "Which plan messages got, by how many members and gateway shards there were. Relays"
                + " passed \(Numbers.grouped(plans.passedOn)) deliveries on. Members who did not"
                + " look were told \(Numbers.grouped(plans.hints ?? 0)) hints.",
            head: ["Plan", "Messages", "Part"],
            rows: rows
        )
    }

    static func verdict(_ run: RunDocument) -> String {
        let isBroken = run.violationCount > 0
        let style = run.isHeld ? "good" : isBroken ? "bad" : "warn"
        return "<span class=\"badge \(style)\">\(Self.escape(run.verdict))</span>"
    }
}
