package import Kernel

/// Whether somebody is there, as others may know it: a departure counts when its grace is over.
///
/// The caller says when the first session arrives and when the last one has left; sessions are counted
/// by the caller, who knows which of them are one.
package struct PresenceDebouncer: Equatable, Sendable, BitwiseCopyable {
    package enum Phase: Equatable, Sendable, BitwiseCopyable {
        /// Nobody has said anything in this term.
        case unknown
        case present
        /// The last session has left; `wasKnown` unless nobody had heard of one in this term.
        case leaving(until: Instant, wasKnown: Bool)
        case absent
    }

    package internal(set) var phase: Phase

    package init(_ phase: Phase = .unknown) { self.phase = phase }

    /// `nil` while nothing can be said.
    package var isThere: Bool? {
        switch self.phase {
        case .unknown: nil
        case .present: true
        case .leaving(_, let wasKnown): wasKnown ? true : nil
        case .absent: false
        }
    }

    /// When the departure will count, if one is under way.
    package var departure: Instant? {
        if case .leaving(let until, _) = self.phase { until } else { nil }
    }

    package mutating func arrive() { self.phase = .present }

    /// The last session has left; a later end of the grace wins.
    package mutating func leave(until: Instant) {
        switch self.phase {
        case .unknown: self.phase = .leaving(until: until, wasKnown: false)
        case .present: self.phase = .leaving(until: until, wasKnown: true)
        case .leaving(let former, let wasKnown):
            self.phase = .leaving(until: max(former, until), wasKnown: wasKnown)
        case .absent: break
        }
    }

    /// Whether the grace has ended by now; says so once.
    package mutating func elapse(at now: Instant) -> Bool {
        guard let departure, departure <= now else { return false }
        self.phase = .absent
        return true
    }

    /// Nobody has said that the user is there, and everybody who could have has been heard.
    package mutating func settle() {
        if self.phase == .unknown { self.phase = .absent }
    }
}
