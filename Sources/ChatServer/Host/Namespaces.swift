package import ChatCore

extension ServerConfiguration {
    /// Adds a namespace: names that begin with `name` and a colon follow its policy.
    package mutating func declare(_ name: String, _ policy: Namespace) {
        self.namespaces.names.append(name)
        self.shard.namespaces.append(policy)
    }

    /// Whether there are members to hint, and channels of their own to do it on.
    var hintsMembers: Bool {
        self.namespaces.personal != nil && self.shard.namespaces.contains { $0.isMembersOnly }
    }
}
