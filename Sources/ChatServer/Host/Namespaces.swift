import ChatCore

extension ServerConfiguration {
    /// Adds namespaces with the default policy.
    package mutating func declare(namespaces names: [String]) {
        self.namespaces = NamespaceTable(names: names)
        self.shard.namespaces = Array(repeating: Namespace(), count: names.count + 1)
    }
}
