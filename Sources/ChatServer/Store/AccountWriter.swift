import ChatCore
import ClientProtocol
import Kernel

/// Changes what is kept for single users, inside the writer's transaction.
final class AccountWriter {
    private let blocks: BlockTable
    private let keys: KeyDirectory

    init(database: Database) throws(DatabaseError) {
        self.blocks = try BlockTable(database: database)
        self.keys = try KeyDirectory(database: database)
    }

    /// A handle in the answer is owned by the caller.
    func apply(
        _ request: AccountRequest,
        _ query: AccountQuery
    ) throws(DatabaseError) -> AccountAnswer {
        let user = request.user
        switch (request.action, query) {
        case (.block(let other), .block(let name)):
            return try self.blocks.block(other, named: name, by: user)
        case (.unblock(let other), .unblock):
            return try self.blocks.unblock(other, by: user)
        case (.blocks(let after, let limit), .blocks):
            return Self.told(try self.blocks.list(of: user, after: after, limit: limit))
        case (.publishKeys, .publish(let keys)):
            let count = try self.keys.publish(keys, of: user)
            return count.map(Self.told) ?? .refused(.limitExceeded)
        case (.countKeys, .count(let device)):
            return Self.told(try self.keys.count(user, device))
        case (.claimKeys(let owner), .claim(_, let device)):
            // Whoever is blocked sees a user without devices.
            if try self.blocks.holds(owner, user) { return Self.told(AccountResults.claimed([])) }
            return Self.told(try self.keys.claim(of: owner, device: device))
        case (.dropKeys, .drop(let device)):
            try self.keys.drop(device, of: user)
            return .done
        case (.media, _): preconditionFailure("media have a desk of their own")
        case (.block, _), (.unblock, _), (.blocks, _), (.publishKeys, _), (.countKeys, _),
            (.claimKeys, _), (.dropKeys, _):
            preconditionFailure("a note says what its request asks for")
        }
    }

    private static func told(_ data: [UInt8]) -> AccountAnswer {
        .told(Kept(data).retained())
    }
}
