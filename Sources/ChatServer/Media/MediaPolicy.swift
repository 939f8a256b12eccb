import ClientProtocol
package import Kernel

/// How much media a server takes, and for how long its URLs hold.
package struct MediaPolicy: Sendable, Equatable {
    /// The largest file, in bytes.
    package var size: UInt64 = 25 << 20
    /// What one user may keep in all conversations, in bytes; a file counts as `leastCharge` at least.
    package var perUser: UInt64 = 1 << 30
    /// Media types that are taken, in lower case, such as `image/png` or `image/*`; `nil` takes all.
    package var types: [String]?
    /// What stands before the paths of URLs, without a slash at its end; empty for paths alone.
    package var url = ""
    /// How long after a ticket was given an upload may begin; whole seconds.
    package var ticketLife = Interval.seconds(600)
    /// How long a URL to get a file holds; whole seconds.
    package var urlLife = Interval.seconds(3_600)
    /// An upload that brings less than `progress` in this time, or a download that takes less, is ended.
    package var patience = Interval.seconds(15)

    /// In bytes.
    static let progress = 65_536
    /// What a file takes of its user's share at least, for its rows and its block.
    static let leastCharge: UInt64 = 4_096
    /// Uploads and downloads under way, together; more are told to come back.
    static let exchangeLimit = 256
    /// Those of one user.
    static let exchangesOfUser = 64

    package init() {}

    /// Whether a text is a media type in lower case without parameters, or a whole family of them.
    package static func isPattern(_ text: String) -> Bool {
        let named = text.hasSuffix("/*") ? text.dropLast() + "any" : Substring(text)
        return MediaType(String(named)).map { $0.essence == named } ?? false
    }

    func admits(_ type: MediaType) -> Bool {
        guard let types = self.types else { return true }
        let family = type.essence.prefix { $0 != "/" }
        return types.contains { $0 == type.essence || $0 == "\(family)/*" }
    }

    /// What a file takes of its user's share.
    static func charge(of size: UInt64) -> UInt64 { max(size, Self.leastCharge) }
}
