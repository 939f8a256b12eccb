package import Kernel

/// What a user does beside the log, with what the server keeps for users; texts and bytes stay with the
/// host.
package enum AccountAction: Equatable, Sendable, BitwiseCopyable {
    /// Takes nothing more from somebody, until `unblock`.
    case block(UserID)
    case unblock(UserID)
    /// A window of those whom the user blocks, in the order of their ids; `after` is exclusive.
    case blocks(after: UserID?, limit: UInt32)
    /// Puts keys of one of the user's devices into the directory.
    case publishKeys
    /// How many one-time keys of a device are left.
    case countKeys
    /// Takes one key of each device of somebody, to begin an encrypted session with.
    case claimKeys(UserID)
    /// Forgets a device and its keys.
    case dropKeys
    /// Something with the files of a members' conversation of the namespace.
    case media(MediaAction, ConversationID, namespace: UInt8)
}

/// What a member does with the files of a conversation; bytes, names and URLs stay with the host.
package enum MediaAction: UInt8, Equatable, Sendable, BitwiseCopyable, CaseIterable {
    /// Asks for a ticket to put one there.
    case offer
    /// Asks for a URL to get one.
    case open
    /// Takes one away.
    case drop
}

/// A question or a change of an account, which the store answers once, after it is durable.
package struct AccountRequest: Equatable, Sendable, BitwiseCopyable {
    package var user: UserID
    package var action: AccountAction
    /// What the host keeps of the client's words.
    package var note: PayloadHandle

    package init(user: UserID, action: AccountAction, note: PayloadHandle) {
        self.user = user
        self.action = action
        self.note = note
    }
}

/// How a request about an account ended.
package enum AccountAnswer: Equatable, Sendable, BitwiseCopyable {
    /// Changed as asked, or as it was asked before.
    case done
    /// Certainly not applied.
    case refused(ErrorCode)
    /// What there is to tell, kept by the host.
    case told(PayloadHandle)
}

/// How much is kept for a user.
package enum AccountLimits {
    /// Users whom one user blocks; more get error 106.
    package static let blocks: UInt64 = 1_000
    /// Devices with keys of one user; more get error 106.
    package static let devices: UInt64 = 16
    /// One-time keys of one device that nobody has claimed; more get error 106.
    package static let oneTimeKeys: UInt64 = 200
}
