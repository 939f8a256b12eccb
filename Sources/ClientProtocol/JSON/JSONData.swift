/// Application data, which is JSON in every encoding: readers of both share a channel.
package enum JSONData {
    /// The value on one line, because a line ends a message where it is embedded.
    ///
    /// As it is, byte for byte, if it holds no line's end; else without the whitespace between its
    /// tokens. `nil` of what is no JSON value.
    package static func onOneLine(_ bytes: [UInt8]) -> [UInt8]? {
        let span = bytes.span
        var scanner = JSONScanner(0..<span.count)
        do throws(FrameError) {
            scanner.skipSpace(span)
            let value = try scanner.embedded(span)
            scanner.skipSpace(span)
            guard scanner.position == span.count else { return nil }
            // A line's end inside a string is escaped, or it is none.
            let isOneLine = !bytes.contains { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
            return isOneLine ? bytes : value
        } catch {
            return nil
        }
    }
}
