import Crypto

/// Verifies the tokens that nearly all clients bring, signed with HMAC SHA-256 and saying little, on the
/// spot.
///
/// It vouches only for what it has understood to the last byte. Whatever else a token is (another
/// algorithm, another claim, another spelling, a forgery) it has no opinion, and the library decides; so
/// no token is accepted here that the library would refuse.
struct PlainTokens: Sendable {
    struct Claims: Equatable {
        var user: String
        /// Seconds since 1970.
        var expiry: UInt64?
    }

    /// Longer tokens are the library's.
    private static let limit = 1_024

    private let key: SymmetricKey

    init(hmacSecret: String) { self.key = SymmetricKey(data: Array(hmacSecret.utf8)) }

    /// What a token says, if it is a plain one with our signature; its expiry is not judged.
    func claims(of token: String) -> Claims? {
        let bytes = Array(token.utf8)
        guard bytes.count <= Self.limit, let first = bytes.firstIndex(of: Self.dot),
            let last = bytes.lastIndex(of: Self.dot), first < last,
            let header = Base64URL.bytes(of: bytes[..<first]),
            let payload = Base64URL.bytes(of: bytes[(first + 1)..<last]),
            let signature = Base64URL.bytes(of: bytes[(last + 1)...]),
            Self.isPlainHeader(header),
            HMAC<SHA256>.isValidAuthenticationCode(
                signature,
                authenticating: bytes[..<last],
                using: self.key
            )
        else { return nil }
        return Self.claims(in: payload)
    }

    private static let dot = UInt8(ascii: ".")

    private static func isPlainHeader(_ bytes: [UInt8]) -> Bool {
        var algorithm: String?
        var object = PlainObject(bytes)
        while let member = object.next() {
            switch member {
            case ("alg", .text(let name)): algorithm = name
            case ("typ", .text("JWT")): break
            default: return false
            }
        }
        return object.isWhole && algorithm == "HS256"
    }

    private static func claims(in bytes: [UInt8]) -> Claims? {
        var user: String?
        var expiry: UInt64?
        var object = PlainObject(bytes)
        while let member = object.next() {
            switch member {
            case ("sub", .text(let name)): user = name
            case ("exp", .number(let seconds)): expiry = seconds
            default: return nil
            }
        }
        guard object.isWhole, let user else { return nil }
        return Claims(user: user, expiry: expiry)
    }
}

/// Base 64 for URLs without padding (RFC 4648, section 5), the canonical spelling only.
private enum Base64URL {
    /// `nil` for any other spelling.
    static func bytes(of text: ArraySlice<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count * 3 / 4)
        var word: UInt32 = 0
        var bits = 0
        for letter in text {
            guard let value = Self.value(of: letter) else { return nil }
            word = word << 6 | value
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(bits)))
                word &= 1 << UInt32(bits) - 1
            }
        }
        return bits < 6 && word == 0 ? bytes : nil
    }

    private static func value(of letter: UInt8) -> UInt32? {
        switch letter {
        case 0x41...0x5a: UInt32(letter - 0x41)
        case 0x61...0x7a: UInt32(letter - 0x61 + 26)
        case 0x30...0x39: UInt32(letter - 0x30 + 52)
        case UInt8(ascii: "-"): 62
        case UInt8(ascii: "_"): 63
        default: nil
        }
    }
}

/// Reads a flat JSON object without blanks, escapes or repeats, member by member.
private struct PlainObject {
    enum Value: Equatable {
        case text(String)
        /// A whole number below 10^15.
        case number(UInt64)
    }

    private let bytes: [UInt8]
    private var position = 0
    private var names: [String] = []
    /// Whether the object ended where the bytes do.
    private(set) var isWhole = false

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The next member; `nil` at the end, and at whatever is not plain.
    mutating func next() -> (String, Value)? {
        if self.take("}") {
            self.isWhole = !self.names.isEmpty && self.position == self.bytes.count
            return nil
        }
        guard self.take(self.names.isEmpty ? "{" : ","), let name = self.text(),
            !self.names.contains(name), self.take(":")
        else { return nil }
        self.names.append(name)
        if let text = self.text() { return (name, .text(text)) }
        return self.number().map { (name, .number($0)) }
    }

    private mutating func take(_ mark: Unicode.Scalar) -> Bool {
        guard self.position < self.bytes.count, self.bytes[self.position] == UInt8(ascii: mark)
        else { return false }
        self.position += 1
        return true
    }

    private mutating func text() -> String? {
        guard self.take("\"") else { return nil }
        let start = self.position
        while self.position < self.bytes.count {
            let byte = self.bytes[self.position]
            self.position += 1
            if byte == UInt8(ascii: "\"") {
                return String(validating: self.bytes[start..<self.position - 1], as: UTF8.self)
            }
            guard byte >= 0x20, byte != UInt8(ascii: "\\") else { return nil }
        }
        return nil
    }

    private mutating func number() -> UInt64? {
        let start = self.position
        var value: UInt64 = 0
        while self.position < self.bytes.count, self.position - start < 15,
            case 0x30...0x39 = self.bytes[self.position]
        {
            value = value * 10 + UInt64(self.bytes[self.position] - 0x30)
            self.position += 1
        }
        let count = self.position - start
        guard count > 0, count == 1 || self.bytes[start] != 0x30 else { return nil }
        return value
    }
}
