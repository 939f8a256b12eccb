import ChatCore
import ClientProtocol
import Kernel

/// The keys of users' devices, inside the writer's transaction.
///
/// A one-time key is taken out in the transaction whose commit precedes the answer, so it is handed out
/// at most once, and to nobody if that answer is lost. The ids of a device's one-time keys grow: what is
/// not above the greatest that it has published was there before, and a repeat brings no key back.
final class KeyDirectory {
    private let device: Statement
    private let devices: Statement
    private let count: Statement
    private let register: Statement
    private let setIdentity: Statement
    private let setFallback: Statement
    private let setPublished: Statement
    private let left: Statement
    private let insert: Statement
    private let oldest: Statement
    private let remove: Statement
    private let dropDevice: Statement
    private let dropKeys: Statement

    init(database: Database) throws(DatabaseError) {
        self.device = try database.prepare(
            "SELECT published, fallback FROM devices WHERE user = ? AND device = ?"
        )
        self.devices = try database.prepare(
            """
            SELECT device, identity, fallback_id, fallback FROM devices
            WHERE user = ? ORDER BY device
            """
        )
        self.count = try database.prepare("SELECT COUNT(*) FROM devices WHERE user = ?")
        self.register = try database.prepare(
            "INSERT INTO devices(user, device, published) VALUES(?, ?, 0)"
        )
        self.setIdentity = try database.prepare(
            "UPDATE devices SET identity = ? WHERE user = ? AND device = ?"
        )
        self.setFallback = try database.prepare(
            "UPDATE devices SET fallback_id = ?, fallback = ? WHERE user = ? AND device = ?"
        )
        self.setPublished = try database.prepare(
            "UPDATE devices SET published = ? WHERE user = ? AND device = ?"
        )
        self.left = try database.prepare(
            "SELECT COUNT(*) FROM one_time_keys WHERE user = ? AND device = ?"
        )
        self.insert = try database.prepare("INSERT INTO one_time_keys VALUES(?, ?, ?, ?)")
        self.oldest = try database.prepare(
            """
            SELECT id, key FROM one_time_keys WHERE user = ? AND device = ? ORDER BY id LIMIT 1
            """
        )
        self.remove = try database.prepare(
            "DELETE FROM one_time_keys WHERE user = ? AND device = ? AND id = ?"
        )
        self.dropDevice = try database.prepare(
            "DELETE FROM devices WHERE user = ? AND device = ?"
        )
        self.dropKeys = try database.prepare(
            "DELETE FROM one_time_keys WHERE user = ? AND device = ?"
        )
    }

    /// What there is of a device; all zero if there is none.
    private struct Row {
        var exists = false
        var published: UInt64 = 0
        var hasFallback = false
    }

    private func row(_ user: UserID, _ device: String) throws(DatabaseError) -> Row {
        self.device.bind(1, user.high, user.low)
        self.device.bind(2, device)
        defer { self.device.reset() }
        guard try self.device.step() else { return Row() }
        return Row(
            exists: true,
            published: self.device.integer(0),
            hasFallback: !self.device.isNull(1)
        )
    }

    private func number(_ statement: Statement) throws(DatabaseError) -> UInt64 {
        defer { statement.reset() }
        return try statement.step() ? statement.integer(0) : 0
    }

    private func left(_ user: UserID, _ device: String) throws(DatabaseError) -> UInt64 {
        self.left.bind(1, user.high, user.low)
        self.left.bind(2, device)
        return try self.number(self.left)
    }

    func count(_ user: UserID, _ device: String) throws(DatabaseError) -> [UInt8] {
        let row = try self.row(user, device)
        return AccountResults.count(
            oneTime: try self.left(user, device),
            published: row.published,
            hasFallback: row.hasFallback
        )
    }

    /// `nil` if it would be too many devices or keys; nothing is changed then.
    func publish(_ keys: DeviceKeys, of user: UserID) throws(DatabaseError) -> [UInt8]? {
        let row = try self.row(user, keys.device)
        let new = keys.oneTime.filter { $0.id > row.published }
        let left = try self.left(user, keys.device)
        guard left + UInt64(new.count) <= AccountLimits.oneTimeKeys else { return nil }
        if !row.exists {
            self.count.bind(1, user.high, user.low)
            guard try self.number(self.count) < AccountLimits.devices else { return nil }
            self.register.bind(1, user.high, user.low)
            self.register.bind(2, keys.device)
            try self.register.run()
        }
        if !keys.identity.isEmpty {
            self.setIdentity.bind(1, keys.identity)
            self.setIdentity.bind(2, user.high, user.low)
            self.setIdentity.bind(3, keys.device)
            try self.setIdentity.run()
        }
        if let fallback = keys.fallback {
            self.setFallback.bind(1, fallback.id)
            self.setFallback.bind(2, fallback.key)
            self.setFallback.bind(3, user.high, user.low)
            self.setFallback.bind(4, keys.device)
            try self.setFallback.run()
        }
        try self.insert(new, of: user, keys.device)
        return try self.count(user, keys.device)
    }

    private func insert(
        _ keys: [DirectoryKey],
        of user: UserID,
        _ device: String
    ) throws(DatabaseError) {
        guard let greatest = keys.last?.id else { return }
        for key in keys {
            self.insert.bind(1, user.high, user.low)
            self.insert.bind(2, device)
            self.insert.bind(3, key.id)
            self.insert.bind(4, key.key)
            try self.insert.run()
        }
        self.setPublished.bind(1, greatest)
        self.setPublished.bind(2, user.high, user.low)
        self.setPublished.bind(3, device)
        try self.setPublished.run()
    }

    /// Takes the oldest one-time key of each device of a user, or of `device` alone.
    func claim(of user: UserID, device: String?) throws(DatabaseError) -> [UInt8] {
        var claimed: [ClaimedDevice] = []
        self.devices.bind(1, user.high, user.low)
        defer { self.devices.reset() }
        while try self.devices.step() {
            let name = self.devices.string(0)
            guard device.map({ $0 == name }) ?? true else { continue }
            var fallback: DirectoryKey?
            if !self.devices.isNull(3) {
                fallback = DirectoryKey(id: self.devices.integer(2), key: self.devices.bytes(3))
            }
            let identity = self.devices.isNull(1) ? [] : self.devices.bytes(1)
            let oneTime = try self.take(user, name)
            claimed.append(
                ClaimedDevice(
                    device: name,
                    identity: identity,
                    key: oneTime ?? fallback,
                    isFallback: oneTime == nil
                )
            )
        }
        return AccountResults.claimed(claimed)
    }

    private func take(_ user: UserID, _ device: String) throws(DatabaseError) -> DirectoryKey? {
        self.oldest.bind(1, user.high, user.low)
        self.oldest.bind(2, device)
        defer { self.oldest.reset() }
        guard try self.oldest.step() else { return nil }
        let key = DirectoryKey(id: self.oldest.integer(0), key: self.oldest.bytes(1))
        self.remove.bind(1, user.high, user.low)
        self.remove.bind(2, device)
        self.remove.bind(3, key.id)
        try self.remove.run()
        return key
    }

    func drop(_ device: String, of user: UserID) throws(DatabaseError) {
        for statement in [self.dropDevice, self.dropKeys] {
            statement.bind(1, user.high, user.low)
            statement.bind(2, device)
            try statement.run()
        }
    }
}
