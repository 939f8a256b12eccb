/// What whoever lets a subscriber in says of the subscription: a token, or an application server.
package struct SubscriptionTerms: Equatable, Sendable {
    /// What others may know of the subscriber, JSON on one line; empty when nothing was said.
    package var info: [UInt8] = []
    /// The same in base 64, and then in place of `info`.
    package var base64Info = ""
    /// What the subscriber is told, JSON on one line; empty when nothing was said.
    package var data: [UInt8] = []
    package var base64Data = ""
    package var override = ChannelOverride()

    package init() {}
}

/// Options of a channel that are to be others for one subscription; `nil` is as the channel has it.
package struct ChannelOverride: Equatable, Sendable {
    package var presence: Bool?
    package var joinLeave: Bool?
    package var forcesRecovery: Bool?
    package var forcesPositioning: Bool?
    package var forcesPushJoinLeave: Bool?

    package init() {}
}

/// What a token says beside whose it is and how long it holds.
package struct TokenNotes: Equatable, Sendable {
    /// What others may know of the bearer, and `override` of a subscription token.
    package var own = SubscriptionTerms()
    /// The channels that the server subscribes the bearer to, in the token's order.
    package var subscriptions: [(channel: String, terms: SubscriptionTerms)] = []

    package init() {}

    /// Reads them from a token's claims.
    package init(parsing claims: Span<UInt8>) throws(FrameError) {
        var scanner = JSONScanner(0..<claims.count)
        scanner.skipSpace(claims)
        var walk = try scanner.enterObject(claims)
        while let name = try scanner.nextKey(&walk, claims) {
            if name == "subs" {
                var subscriptions = try scanner.enterObject(claims)
                while let channel = try scanner.nextKey(&subscriptions, claims) {
                    self.subscriptions.append((channel, try scanner.terms(claims)))
                }
            } else {
                let isTerm = try scanner.take(name, into: &self.own, claims)
                if !isTerm { _ = try scanner.skipValue(claims) }
            }
        }
    }

    package static func == (one: Self, other: Self) -> Bool {
        one.own == other.own
            && one.subscriptions.elementsEqual(other.subscriptions) { $0 == $1 }
    }
}

extension JSONScanner {
    /// An object of terms.
    mutating func terms(_ bytes: Span<UInt8>) throws(FrameError) -> SubscriptionTerms {
        var terms = SubscriptionTerms()
        var walk = try self.enterObject(bytes)
        while let name = try self.nextKey(&walk, bytes) {
            let isTerm = try self.take(name, into: &terms, bytes)
            if !isTerm { _ = try self.skipValue(bytes) }
        }
        return terms
    }

    /// Reads the value at the position if its name is one of the terms'.
    mutating func take(
        _ name: String,
        into terms: inout SubscriptionTerms,
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> Bool {
        switch name {
        case "info": terms.info = try self.optionalJSON(bytes)
        case "b64info": terms.base64Info = try self.text(bytes)
        case "data": terms.data = try self.embedded(bytes)
        case "b64data": terms.base64Data = try self.text(bytes)
        case "override": terms.override = try self.channelOverride(bytes)
        default: return false
        }
        return true
    }

    /// Any value on one line; nothing for `null`.
    private mutating func optionalJSON(_ bytes: Span<UInt8>) throws(FrameError) -> [UInt8] {
        try self.skipNull(bytes) ? [] : try self.embedded(bytes)
    }

    private mutating func channelOverride(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> ChannelOverride {
        var override = ChannelOverride()
        var walk = try self.enterObject(bytes)
        while let name = try self.nextKey(&walk, bytes) {
            switch name {
            case "presence": override.presence = try self.overriddenFlag(bytes)
            case "join_leave": override.joinLeave = try self.overriddenFlag(bytes)
            case "force_recovery": override.forcesRecovery = try self.overriddenFlag(bytes)
            case "force_positioning": override.forcesPositioning = try self.overriddenFlag(bytes)
            case "force_push_join_leave":
                override.forcesPushJoinLeave = try self.overriddenFlag(bytes)
            default: _ = try self.skipValue(bytes)
            }
        }
        return override
    }

    /// `{"value": true}`; an object without a value says false.
    private mutating func overriddenFlag(_ bytes: Span<UInt8>) throws(FrameError) -> Bool? {
        if try self.skipNull(bytes) { return nil }
        var flag = false
        var walk = try self.enterObject(bytes)
        while let name = try self.nextKey(&walk, bytes) {
            if name == "value" {
                flag = try self.boolean(bytes)
            } else {
                _ = try self.skipValue(bytes)
            }
        }
        return flag
    }
}
