package import ChatCore

/// The data of the rpcs `presence.watch` and `presence.unwatch`: `{"users":["…"]}`.
package struct WatchRequest: Equatable, Sendable {
    /// Not empty, without repeats, in the order of the request.
    package var users: [String]

    package static let watchMethod = "presence.watch"
    package static let unwatchMethod = "presence.unwatch"
    /// The most users of one request; a server may allow a connection fewer.
    package static let userLimit = 128

    package init(users: [String]) { self.users = users }

    /// Reads an rpc's data, as a `ClientCommand` carries it; positions in errors count from its start.
    package init(parsing data: Span<UInt8>) throws(FrameError) {
        self.init(users: [])
        var scanner = JSONScanner(0..<data.count)
        guard !data.isEmpty else { throw scanner.failure(.missingField) }
        scanner.skipSpace(data)
        var walk = try scanner.enterObject(data)
        while let name = try scanner.nextMember(&walk, data) {
            guard name == FieldName.users else {
                _ = try scanner.skipValue(data)
                continue
            }
            var users: [String] = []
            try scanner.forEachElement(data) { (scanner: inout JSONScanner) throws(FrameError) in
                let user = try scanner.text(data)
                guard !user.isEmpty else { throw scanner.failure(.missingField) }
                guard !users.contains(user) else { return }
                guard users.count < Self.userLimit else {
                    throw scanner.failure(.tooManyEntries)
                }
                users.append(user)
            }
            self.users = users
        }
        scanner.skipSpace(data)
        guard scanner.position == data.count else { throw scanner.failure(.trailingBytes) }
        guard !self.users.isEmpty else { throw scanner.failure(.missingField) }
    }
}

/// The data of the rpc `presence.set`: `{"state":"away"}`.
package enum ChoiceRequest {
    package static let method = "presence.set"

    /// Reads an rpc's data; positions in errors count from its start.
    package static func choice(parsing data: Span<UInt8>) throws(FrameError) -> PresenceChoice {
        var scanner = JSONScanner(0..<data.count)
        guard !data.isEmpty else { throw scanner.failure(.missingField) }
        scanner.skipSpace(data)
        var walk = try scanner.enterObject(data)
        var choice: PresenceChoice?
        while let name = try scanner.nextMember(&walk, data) {
            guard name == FieldName.state else {
                _ = try scanner.skipValue(data)
                continue
            }
            switch try scanner.text(data) {
            case "active": choice = .active
            case "away": choice = .away
            case "dnd": choice = .doNotDisturb
            case "invisible": choice = .invisible
            default: throw scanner.failure(.missingField)
            }
        }
        scanner.skipSpace(data)
        guard scanner.position == data.count else { throw scanner.failure(.trailingBytes) }
        guard let choice else { throw scanner.failure(.missingField) }
        return choice
    }
}

/// How users appear, as JSON for the answer of `presence.watch` and for `message` pushes.
package struct UserStates: Equatable, Sendable {
    package struct Entry: Equatable, Sendable {
        package var user: String
        package var state: PresenceState
    }

    package var entries: [Entry] = []

    package init() {}

    package mutating func append(_ user: String, _ state: PresenceState) {
        self.entries.append(Entry(user: user, state: state))
    }

    /// The answer of `presence.watch`: `{"states":[{"user":"…","state":"active"}]}`.
    package var answer: [UInt8] {
        var data: [UInt8] = []
        JSONText.append("{\"states\":[", into: &data)
        self.appendEntries(into: &data)
        JSONText.append("]}", into: &data)
        return data
    }

    /// The push: the same under `presence`, and the W in force in milliseconds as `window`.
    package func push(windowMilliseconds: UInt64) -> [UInt8] {
        var data: [UInt8] = []
        JSONText.append("{\"presence\":[", into: &data)
        self.appendEntries(into: &data)
        JSONText.append("],\"window\":", into: &data)
        JSONText.append(windowMilliseconds, into: &data)
        JSONText.append("}", into: &data)
        return data
    }

    private func appendEntries(into data: inout [UInt8]) {
        for (index, entry) in self.entries.enumerated() {
            if index > 0 { JSONText.append(",", into: &data) }
            JSONText.append("{\"user\":", into: &data)
            JSONText.append(quoted: entry.user, into: &data)
            switch entry.state {
            case .offline: JSONText.append(",\"state\":\"offline\"}", into: &data)
            case .active: JSONText.append(",\"state\":\"active\"}", into: &data)
            case .away: JSONText.append(",\"state\":\"away\"}", into: &data)
            case .doNotDisturb: JSONText.append(",\"state\":\"dnd\"}", into: &data)
            }
        }
    }
}
