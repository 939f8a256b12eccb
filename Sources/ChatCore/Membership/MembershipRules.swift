package import Kernel

/// What the rules of an operation ask of a conversation, as the store has it in one snapshot.
package struct Standing: Equatable, Sendable, BitwiseCopyable {
    /// Whether the conversation was created.
    package var exists = false
    package var isPublic = false
    package var memberCount: UInt64 = 0
    package var ownerCount: UInt64 = 0
    /// Of who asks; `nil` for a stranger.
    package var performer: MemberRole?
    /// Of the user whom the operation is about.
    package var subject: MemberRole?
    /// Whether somebody whom the operation would reach takes nothing from who asks: whom it makes a
    /// member, or the other one of a direct conversation.
    package var isUnwelcome = false
    /// The entry that the operation is about, `nil` if there is none at its offset.
    package var entry: NamedEntry?

    /// An entry that an operation changes or answers.
    package struct NamedEntry: Equatable, Sendable, BitwiseCopyable {
        package var isMessage: Bool
        package var isDeleted: Bool
        /// Whether who asks has written it.
        package var isOwn: Bool

        package init(isMessage: Bool, isDeleted: Bool, isOwn: Bool) {
            self.isMessage = isMessage
            self.isDeleted = isDeleted
            self.isOwn = isOwn
        }
    }

    /// Whether two talk alone: what one says reaches the other and nobody else.
    package var isDirect: Bool { !self.isPublic && self.memberCount <= 2 }

    package init() {}
}

/// Who may do what in a members' conversation.
///
/// One pure function, which every store applies twice: before an operation is numbered, so that a
/// stranger disturbs nobody, and in the transaction of its append, which decides.
package enum MembershipRules {
    /// Why the operation is not allowed, `nil` if it is.
    ///
    /// A stranger is told the same of a conversation that is not there and of one that is.
    package static func refusal(
        of operation: ChatAction,
        by performer: UserID,
        _ standing: Standing
    ) -> ErrorCode? {
        switch operation {
        case .create:
            guard !standing.exists else { return .notMember }
            return standing.isUnwelcome ? .roleTooLow : nil
        case .join:
            guard standing.exists, standing.isPublic else {
                return standing.performer == nil ? .notMember : .unchanged
            }
            return standing.performer == nil ? nil : .unchanged
        case .message, .reply, .leave, .invite, .remove, .role, .edit, .delete, .react:
            guard let role = standing.performer else { return .notMember }
            return Self.refusal(of: operation, by: performer, as: role, standing)
        }
    }

    private static func refusal(
        of operation: ChatAction,
        by performer: UserID,
        as role: MemberRole,
        _ standing: Standing
    ) -> ErrorCode? {
        if standing.isUnwelcome, operation.reachesOthers { return .roleTooLow }
        switch operation {
        case .create, .join, .message: return nil
        case .leave: return Self.leavesAnOwner(role, standing) ? nil : .lastOwner
        case .invite:
            guard standing.isPublic || role >= .admin else { return .roleTooLow }
            return standing.subject == nil ? nil : .unchanged
        case .remove(let user):
            guard role >= .admin, user != performer else { return .roleTooLow }
            guard let subject = standing.subject else { return .notFound }
            return subject < role ? nil : .roleTooLow
        case .role(let user, let wanted):
            guard role == .owner else { return .roleTooLow }
            guard let subject = standing.subject else { return .notFound }
            guard subject != wanted else { return .unchanged }
            guard subject != .owner || user == performer else { return .roleTooLow }
            return subject == .owner && standing.ownerCount == 1 ? .lastOwner : nil
        case .reply, .react:
            return Self.namesMessage(standing) ? nil : .notFound
        case .edit:
            guard Self.namesMessage(standing) else { return .notFound }
            return standing.entry?.isOwn == true ? nil : .roleTooLow
        case .delete:
            guard Self.namesMessage(standing) else { return .notFound }
            return standing.entry?.isOwn == true || role >= .admin ? nil : .roleTooLow
        }
    }

    /// Why somebody may not do something with the conversation's files, `nil` if they may; `isOwn` says
    /// whether it is they who have put the file there.
    ///
    /// Whoever may say nothing there may put nothing there.
    package static func refusal(
        of action: MediaAction,
        _ standing: Standing,
        isOwn: Bool
    ) -> ErrorCode? {
        guard let role = standing.performer else { return .notMember }
        switch action {
        case .offer: return standing.isUnwelcome ? .roleTooLow : nil
        case .open: return nil
        case .drop: return isOwn || role >= .admin ? nil : .roleTooLow
        }
    }

    private static func namesMessage(_ standing: Standing) -> Bool {
        guard let entry = standing.entry else { return false }
        return entry.isMessage && !entry.isDeleted
    }

    /// The last to leave takes nobody's owner away.
    private static func leavesAnOwner(_ role: MemberRole, _ standing: Standing) -> Bool {
        role != .owner || standing.ownerCount > 1 || standing.memberCount == 1
    }
}
