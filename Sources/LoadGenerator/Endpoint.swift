/// Where a server listens, from a URL such as `ws://127.0.0.1:8000/connection/websocket`, or `wss:` for TLS.
package struct Endpoint: Equatable, Sendable, CustomStringConvertible {
    package var host: String
    package var port: Int
    package var path: String
    package var isSecure: Bool

    /// Fails unless the text is `ws://host[:port][/path]`, or the same with `wss`; the port is 80, or
    /// 443, if none is given.
    package init?(_ url: String) {
        guard let scheme = ["ws://", "wss://"].first(where: url.hasPrefix) else { return nil }
        let rest = url.dropFirst(scheme.count)
        self.isSecure = scheme == "wss://"
        let usual = self.isSecure ? 443 : 80
        let authority = rest.prefix { $0 != "/" }
        self.path = authority.endIndex == rest.endIndex ? "/" : String(rest[authority.endIndex...])
        if authority.hasPrefix("[") {
            guard let close = authority.firstIndex(of: "]") else { return nil }
            self.host = String(authority[authority.index(after: authority.startIndex)..<close])
            let rest = authority[authority.index(after: close)...]
            guard let port = Self.port(rest, usual: usual) else { return nil }
            self.port = port
        } else {
            let host = authority.prefix { $0 != ":" }
            self.host = String(host)
            guard let port = Self.port(authority[host.endIndex...], usual: usual) else {
                return nil
            }
            self.port = port
        }
        guard !self.host.isEmpty else { return nil }
    }

    package var description: String {
        let host = self.host.contains(":") ? "[\(self.host)]" : self.host
        return "\(self.isSecure ? "wss" : "ws")://\(host):\(self.port)\(self.path)"
    }

    private static func port(_ text: Substring, usual: Int) -> Int? {
        guard !text.isEmpty else { return usual }
        guard text.hasPrefix(":"), let port = UInt16(text.dropFirst()), port > 0 else { return nil }
        return Int(port)
    }
}
