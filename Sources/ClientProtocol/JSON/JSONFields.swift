/// The members of an object that is being written: zero, empty and false ones are left out, but for
/// those that are appended as required.
struct JSONFields {
    private var isEmpty = true

    /// Appends the object whose members `body` appends.
    static func object(
        into output: inout [UInt8],
        _ body: (inout Self, inout [UInt8]) -> Void
    ) {
        var fields = Self()
        output.append(UInt8(ascii: "{"))
        body(&fields, &output)
        output.append(UInt8(ascii: "}"))
    }

    /// Appends a member's name, which needs no escapes; its value follows.
    mutating func open(_ name: StaticString, into output: inout [UInt8]) {
        JSONText.append(self.isEmpty ? "\"" : ",\"", into: &output)
        JSONText.append(name, into: &output)
        JSONText.append("\":", into: &output)
        self.isEmpty = false
    }

    /// Appends a member's name that is any text; its value follows.
    mutating func open(quoted name: String, into output: inout [UInt8]) {
        if !self.isEmpty { output.append(UInt8(ascii: ",")) }
        JSONText.append(quoted: name, into: &output)
        output.append(UInt8(ascii: ":"))
        self.isEmpty = false
    }

    mutating func append(_ name: StaticString, _ text: String, into output: inout [UInt8]) {
        if !text.isEmpty { self.append(required: name, text, into: &output) }
    }

    mutating func append(
        required name: StaticString,
        _ text: String,
        into output: inout [UInt8]
    ) {
        self.open(name, into: &output)
        JSONText.append(quoted: text, into: &output)
    }

    mutating func append(_ name: StaticString, _ number: UInt64, into output: inout [UInt8]) {
        if number != 0 { self.append(required: name, number, into: &output) }
    }

    mutating func append(
        required name: StaticString,
        _ number: UInt64,
        into output: inout [UInt8]
    ) {
        self.open(name, into: &output)
        JSONText.append(number, into: &output)
    }

    mutating func append(_ name: StaticString, _ flag: Bool, into output: inout [UInt8]) {
        guard flag else { return }
        self.open(name, into: &output)
        JSONText.append("true", into: &output)
    }

    /// Appends a value that is JSON on one line already.
    mutating func append(
        _ name: StaticString,
        embedded value: [UInt8],
        into output: inout [UInt8]
    ) {
        guard !value.isEmpty else { return }
        self.open(name, into: &output)
        output.append(contentsOf: value)
    }

    /// Appends an object, also when it has no members.
    mutating func append(
        _ name: StaticString,
        into output: inout [UInt8],
        _ body: (inout Self, inout [UInt8]) -> Void
    ) {
        self.open(name, into: &output)
        Self.object(into: &output, body)
    }

    /// Appends an object with a member for each of `elements`, which `body` opens.
    mutating func append<Element>(
        map name: StaticString,
        _ elements: [Element],
        into output: inout [UInt8],
        _ body: (Element, inout Self, inout [UInt8]) -> Void
    ) {
        guard !elements.isEmpty else { return }
        self.append(name, into: &output) { fields, output in
            for element in elements { body(element, &fields, &output) }
        }
    }
}
