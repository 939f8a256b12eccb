import ArgumentParser

/// An option that is on or off.
enum Switch: String, CaseIterable, Encodable, ExpressibleByArgument {
    case on
    case off
}
