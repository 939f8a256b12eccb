import Kernel
import Synchronization

/// Why a revocation was not made: the tokens hold as before.
package enum RevocationError: Error, Equatable, Sendable {
    /// There are as many as may be.
    case full
    case unavailable(DatabaseError)
}

/// Which tokens hold no more: in memory for each look, and on the disk before any look sees it.
package final class Revocations: Sendable {
    /// The most revocations at a time; more are refused.
    package static let limit = 1 << 18
    /// How long a revocation holds that does not say, in milliseconds: a year.
    package static let retention: UInt64 = 365 * 86_400_000

    private struct User {
        var issuedBefore: UInt64
        var expiry: UInt64
    }

    private struct State {
        var tokens: [TokenID: UInt64] = [:]
        var users: [UserID: User] = [:]

        var count: Int { self.tokens.count + self.users.count }

        /// The revocation with what is known of its subject already: neither takes anything back.
        func widened(_ revocation: Revocation) -> Revocation {
            var wide = revocation
            switch revocation.subject {
            case .token(let id):
                wide.expiry = max(wide.expiry, self.tokens[id] ?? 0)
            case .user(let user, let issuedBefore):
                guard let known = self.users[user] else { break }
                wide.expiry = max(wide.expiry, known.expiry)
                wide.subject = .user(user, issuedBefore: max(issuedBefore, known.issuedBefore))
            }
            return wide
        }

        func holds(_ subject: Revocation.Subject) -> Bool {
            switch subject {
            case .token(let id): self.tokens[id] != nil
            case .user(let user, _): self.users[user] != nil
            }
        }

        mutating func keep(_ revocation: Revocation) {
            switch revocation.subject {
            case .token(let id): self.tokens[id] = revocation.expiry
            case .user(let user, let issuedBefore):
                self.users[user] = User(issuedBefore: issuedBefore, expiry: revocation.expiry)
            }
        }

        mutating func forget(before now: UInt64) {
            self.tokens = self.tokens.filter { $0.value > now }
            self.users = self.users.filter { $0.value.expiry > now }
        }
    }

    private let state = Mutex(State())
    /// Nearly always 0, and then nobody takes the lock.
    private let count = Atomic<Int>(0)
    private let table: Mutex<RevocationTable>
    private let limit: Int

    /// Opens or creates the table, and forgets what has ended by `now`.
    package init(
        path: String,
        limit: Int = Revocations.limit,
        at now: UInt64
    ) throws(DatabaseError) {
        let table = try RevocationTable(path: path)
        try table.forget(before: now)
        let kept = try table.all()
        self.limit = limit
        self.table = Mutex(table)
        self.state.withLock { state in
            for revocation in kept { state.keep(revocation) }
        }
        self.count.store(kept.count, ordering: .releasing)
    }

    /// Whether a token holds no more.
    package func covers(_ mark: TokenMark, at now: UInt64) -> Bool {
        guard self.count.load(ordering: .acquiring) > 0 else { return false }
        return self.state.withLock { state in
            if let id = mark.id, let expiry = state.tokens[id], expiry > now { return true }
            guard let user = state.users[mark.user], user.expiry > now else { return false }
            return mark.issuedAt < user.issuedBefore
        }
    }

    /// Keeps a revocation on the disk, for which it waits, and then lets everybody see it.
    package func add(_ revocation: Revocation, at now: UInt64) throws(RevocationError) {
        let outcome = self.table.withLock { table -> RevocationError? in
            do throws(DatabaseError) {
                guard try self.hasRoom(for: revocation, in: table, at: now) else { return .full }
                let wide = self.state.withLock { $0.widened(revocation) }
                try table.keep(wide)
                let count = self.state.withLock { state in
                    state.keep(wide)
                    return state.count
                }
                self.count.store(count, ordering: .releasing)
                return nil
            } catch {
                return .unavailable(error)
            }
        }
        if let outcome { throw outcome }
    }

    private func hasRoom(
        for revocation: Revocation,
        in table: RevocationTable,
        at now: UInt64
    ) throws(DatabaseError) -> Bool {
        let isFull = self.state.withLock { state in
            state.count >= self.limit && !state.holds(revocation.subject)
        }
        guard isFull else { return true }
        try table.forget(before: now)
        return self.state.withLock { state in
            state.forget(before: now)
            return state.count < self.limit
        }
    }
}
