import Foundation

/// A chart as gnuplot drew it, made part of a page: in the page's colours, and with words for those
/// who do not see it.
struct Picture {
    /// An `svg` element.
    let svg: String

    init(_ chart: Chart, drawnBy plotter: Plotter) throws(ReportError) {
        let drawn = try plotter.draw(chart.script)
        guard let start = drawn.range(of: "</defs>\n"),
            let end = drawn.range(of: "</svg>", options: .backwards)
        else { throw ReportError("gnuplot drew no SVG; expected version 5.4 or later") }
        // The group around everything was opened before the definitions.
        let body = Self.compact(String(drawn[start.upperBound..<end.lowerBound]))
        self.svg = """
            <svg viewBox="0 0 560 250" role="img" aria-labelledby="\(chart.id)-t \(chart.id)-d">\
            <title id="\(chart.id)-t">\(HTML.escape(chart.title))</title>\
            <desc id="\(chart.id)-d">\(HTML.escape(chart.description))</desc>
            <g>\(body)</svg>
            """
    }

    /// Drops what gnuplot says to every viewer and no page needs, and gives colours their names.
    private static func compact(_ drawn: String) -> String {
        var text = drawn
        for (pattern, replacement) in [
            (#"<title>[^<]*</title>"#, ""),
            (#" color="[a-z]+" stroke="[^"]+""#, ""),
            (#" stroke-linecap="butt" stroke-linejoin="miter""#, ""),
            (#" font-family="sans-serif" font-size="[0-9.]+""#, ""),
            (#"<tspan font-family="sans-serif" >([^<]*)</tspan>"#, "$1"),
            (#" stroke-dasharray='2,4' class="gridline""#, ""),
            (#" shape-rendering='crispEdges'"#, ""),
            (#" id="[A-Za-z0-9_-]+""#, ""),
            (#"rgb\( *101, *101, *101\)"#, "var(--axis)"),
            (#"rgb\( *102, *102, *102\)"#, "var(--quiet)"),
            (#"rgb\( *103, *103, *103\)"#, "var(--grid)"),
            (#"rgb\( *104, *104, *104\)"#, "var(--band)"),
            (#"rgb\( *11([1-6]), *11[1-6], *11[1-6]\)"#, "var(--line-$1)"),
            (#"[\t]+"#, ""),
            (#"[ ]+'/>"#, "'/>"),
        ] {
            text = text.replacingOccurrences(
                of: pattern,
                with: replacement,
                options: .regularExpression
            )
        }
        while true {
            let shorter = text.replacingOccurrences(
                of: #"<g[^>]*>\s*</g>\n?"#,
                with: "",
                options: .regularExpression
            )
            guard shorter.count < text.count else { return text }
            text = shorter
        }
    }
}
