package import ChatCore

/// Why a frame cannot be read, and where.
///
/// The peer broke the protocol: a server answers by closing with `FrameError.closeCode`.
package struct FrameError: Error, Equatable, Sendable, CustomStringConvertible {
    package var reason: Reason
    /// The byte of the frame, from 0, at which reading stopped.
    package var position: Int

    package init(_ reason: Reason, at position: Int) {
        self.reason = reason
        self.position = position
    }

    /// What every unreadable frame is closed with.
    package static var closeCode: CloseCode { .badRequest }

    /// What was wrong, and what was expected instead; the raw value says it in English.
    package enum Reason: String, Equatable, Sendable, CaseIterable {
        case emptyFrame = "the frame is empty, expected a message"
        case emptyMessage = "a message is empty, expected an object"
        case endOfMessage = "the message ends inside a value"
        case trailingBytes = "bytes follow the message's object, expected a newline or the end"
        case expectedValue = "expected a JSON value"
        case expectedName = "expected a member's name in quotes"
        case expectedColon = "expected a colon after a member's name"
        case expectedComma = "expected a comma or the end of the object or array"
        case badLiteral = "expected true, false or null"
        case badNumber = "not a JSON number"
        case badEscape = "not a JSON escape"
        case loneSurrogate = "half of a surrogate pair"
        case controlCharacter = "a control character in a string must be escaped"
        case badUTF8 = "not UTF-8"
        case tooDeep = "nested deeper than 128 levels"
        case expectedObject = "wrong type, expected an object"
        case expectedArray = "wrong type, expected an array"
        case expectedString = "wrong type, expected a string"
        case expectedBoolean = "wrong type, expected true or false"
        case expectedInteger = "wrong type or out of range, expected an integer"
        case noMethod = "a command with an id has no method that is known"
        case twoMethods = "a command has two methods"
        case noCommandID = "a command has no id from 1 to 4294967295"
        case tooLong = "a text or a list is longer than allowed"
        case badLength = "a message's length is no varint, or reaches beyond the frame"
        case badProtobuf = "not a Protobuf message of the schema"
        case tooManyEntries = "a request has more than 1024 subscriptions or headers"
        case missingField = "a field that the request needs is missing"
    }

    package var description: String { "byte \(self.position): \(self.reason.rawValue)" }
}
