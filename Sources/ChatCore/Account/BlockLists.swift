package import Kernel

/// Who blocks whom, as a store in memory keeps it.
package struct BlockLists: Sendable {
    private var blockers: [UserID: [UserID]] = [:]

    package init() {}

    /// Those who block a user.
    package func blockers(of user: UserID) -> [UserID] { self.blockers[user] ?? [] }

    package mutating func set(_ isBlocking: Bool, _ user: UserID, _ other: UserID) {
        self.blockers[other, default: []].removeAll { $0 == user }
        if isBlocking { self.blockers[other, default: []].append(user) }
    }
}
