package import ClientModel
package import Kernel

/// What users do to a fleet or a server: the same for the simulator and for real sockets.
package struct Workload: Equatable, Sendable {
    package var name: String
    /// One device each, online from its connect on.
    package var users: UInt32
    /// Of one online user, in millionths.
    package var messageRateMillionths: UInt64
    package var bodyBytes: UInt32
    /// The connects are spread evenly over this time; sending begins after it.
    package var rampUp: Interval
    /// How long users send.
    package var duration: Interval
    /// How long clients may take afterwards to receive what is owed to them.
    package var settle: Interval
    package var conversations: [ConversationClass]
    package var cohorts: [WeightedCohort]
    /// What else than messages users send; `nil` leaves conversations to everybody.
    package var chat: ChatMix?

    /// Parts of all that users send, in millionths; the rest are messages.
    package struct ChatMix: Equatable, Sendable {
        package var replies: UInt64 = 0
        package var edits: UInt64 = 0
        package var deletions: UInt64 = 0
        package var reactions: UInt64 = 0
        /// Invitations, removals, departures and roles.
        package var churn: UInt64 = 0
        /// Messages after which their sender has read all, beside them.
        package var marks: UInt64 = 0

        package init() {}
    }

    /// How many of a user's conversations the device looks at, the first ones; `nil` is all.
    package var looks: UInt32?
    package var absences: Absences?
    /// How often each user breaks the protocol while users send; `nil` is never.
    package var trespassEvery: Interval?

    /// How users go out of reach while users send.
    package struct Absences: Equatable, Sendable {
        /// The mean time from one to the next.
        package var every: Interval
        package var shortest: Interval
        package var longest: Interval
        /// The part of them that no closed socket tells the server of, in millionths.
        package var silentMillionths: UInt64
    }

    /// Who watches whom, and who comes and goes; `nil` if nobody does.
    package var presence: PresenceLoad?

    /// What users do about presence.
    package struct PresenceLoad: Equatable, Sendable {
        /// Other users whom each device watches.
        package var watches: UInt32
        /// Sockets that are cut in a second, of all users together, in millionths; the devices return.
        package var dropMillionths: UInt64
        /// Devices that are switched off for good in a second, in millionths.
        package var leaveMillionths: UInt64
        /// The first users, whom everybody watches instead, and who come when everybody else is there.
        package var celebrities: UInt32
    }

    /// Conversations of one size: every user is a member of `perUser` of them.
    package struct ConversationClass: Equatable, Sendable {
        package var members: UInt32
        package var perUser: UInt32
    }

    /// A part of the users who behave alike.
    package struct WeightedCohort: Equatable, Sendable {
        package var name: String
        /// In relation to the sum over all cohorts.
        package var share: UInt32
        package var cohort: Cohort
        /// How fast its devices read; `nil` as fast as the network brings.
        package var bytesPerSecond: UInt64?
    }

    /// Conversations of one user.
    package var conversationsPerUser: UInt32 {
        self.conversations.reduce(0) { $0 + $1.perUser }
    }

    /// Messages a second of all users together, in millionths.
    package var totalRateMillionths: UInt64 { UInt64(self.users) * self.messageRateMillionths }

    /// The mean number of members that one message reaches, the sender among them, in millionths;
    /// the remainder of users that do not fill a conversation is left out.
    package var meanAudienceMillionths: UInt64 {
        let members = self.conversations.reduce(UInt64(0)) {
            $0 + UInt64($1.perUser) * UInt64(min($1.members, self.users))
        }
        return members * 1_000_000 / UInt64(self.conversationsPerUser)
    }
}
