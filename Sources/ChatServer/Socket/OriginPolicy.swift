import NIOHTTP1

/// Whose pages may open sockets: a browser says in `Origin` which page asks, other clients say nothing.
struct OriginPolicy: Sendable {
    /// As a browser writes them, in lower case; `nil` allows every page.
    private let allowed: Set<String>?

    init(_ allowed: [String]?) { self.allowed = allowed.map { Set($0.map { $0.lowercased() }) } }

    func admits(_ request: HTTPRequestHead) -> Bool {
        guard let allowed = self.allowed else { return true }
        return request.headers["Origin"].allSatisfy { allowed.contains($0.lowercased()) }
    }
}
