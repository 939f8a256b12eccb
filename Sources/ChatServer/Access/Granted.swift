package import ClientProtocol
import Foundation

/// A channel that somebody is subscribed to by the server, and what is said of the subscription.
package struct Granted: Equatable, Sendable {
    package var channel: String
    /// What others may know of the subscriber: JSON on one line, empty when nothing was said.
    package var info: [UInt8]
    /// What the subscriber is told: JSON on one line, empty when nothing was said.
    package var data: [UInt8]
    /// Whether the subscriber hears who joins and leaves where not everybody does.
    package var hearsAttendance: Bool

    /// More of what others may know is refused: it goes with every message.
    static let infoLimit = 4_096

    package init(
        channel: String,
        info: [UInt8] = [],
        data: [UInt8] = [],
        hearsAttendance: Bool = false
    ) {
        self.channel = channel
        self.info = info
        self.data = data
        self.hearsAttendance = hearsAttendance
    }

    /// What a token says; `nil` if it is too long, or something in base 64 is no JSON, which could not
    /// be passed on.
    package init?(_ channel: String, _ terms: SubscriptionTerms) {
        guard let info = Self.json(terms.info, base64: terms.base64Info),
            info.count <= Self.infoLimit,
            let data = Self.json(terms.data, base64: terms.base64Data)
        else { return nil }
        self.init(
            channel: channel,
            info: info,
            data: data,
            hearsAttendance: terms.override.forcesPushJoinLeave == true
        )
    }

    /// What a field says as JSON, or the one beside it in base 64, which counts if both are there.
    static func json(_ value: [UInt8], base64: String) -> [UInt8]? {
        guard !base64.isEmpty else { return value }
        return Data(base64Encoded: base64).flatMap { JSONData.onOneLine(Array($0)) }
    }
}

/// What a connection token says of its bearer beside who it is.
package struct TokenGrants: Equatable, Sendable {
    /// What others may know of the connection: JSON on one line, empty when nothing was said.
    package var info: [UInt8]
    /// Of a channel that is named twice the last counts.
    package var subscriptions: [Granted]

    package init(info: [UInt8] = [], subscriptions: [Granted] = []) {
        self.info = info
        self.subscriptions = subscriptions
    }

    /// `nil` if something is too long, or in base 64 and no JSON.
    init?(_ notes: TokenNotes, channels: [String]) {
        guard let info = Granted.json(notes.own.info, base64: notes.own.base64Info),
            info.count <= Granted.infoLimit
        else { return nil }
        self.init(info: info, subscriptions: channels.map { Granted(channel: $0) })
        for (channel, terms) in notes.subscriptions {
            guard let granted = Granted(channel, terms) else { return nil }
            self.subscriptions.removeAll { $0.channel == channel }
            self.subscriptions.append(granted)
        }
    }
}
