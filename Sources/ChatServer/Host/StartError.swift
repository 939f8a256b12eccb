/// Why a server does not start: what of its surroundings it cannot have, and what it expected.
package struct StartError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
