/// Application data, which is JSON in every encoding: readers of both share a channel.
package enum JSONData {
    /// The value without the whitespace around and between its tokens; `nil` of what is no JSON value.
    package static func compacted(_ bytes: [UInt8]) -> [UInt8]? {
        let span = bytes.span
        var scanner = JSONScanner(0..<span.count)
        do throws(FrameError) {
            scanner.skipSpace(span)
            let value = try scanner.embedded(span)
            scanner.skipSpace(span)
            return scanner.position == span.count ? value : nil
        } catch {
            return nil
        }
    }
}
