import NIOHTTP1

/// Why a request for media is not carried out: a status, and what was expected.
struct MediaRefusal: Error, Equatable, Sendable {
    var status: HTTPResponseStatus
    /// One line.
    var text: String

    init(_ status: HTTPResponseStatus, _ text: String) {
        self.status = status
        self.text = text
    }

    /// The one answer to whoever may not, whatever there is.
    static var forbidden: Self {
        Self(.forbidden, "this URL opens nothing; expected one that a member was given")
    }

    static var expired: Self {
        Self(.forbidden, "the time of this URL is over; expected a fresh one")
    }

    static var diskFull: Self {
        Self(.insufficientStorage, "the disk is full; the same may be tried later")
    }

    static var broken: Self {
        Self(.internalServerError, "the file could not be kept; the same may be tried again")
    }

    static var busy: Self {
        Self(.serviceUnavailable, "too many files are under way; the same may be tried later")
    }
}

/// What the operating system said to something with a file.
struct DiskError: Error, Equatable, Sendable, CustomStringConvertible {
    /// `errno`.
    var code: Int32
    var operation: String

    var description: String { "\(self.operation): errno \(self.code)" }
}
