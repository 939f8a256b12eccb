/// A client's network address in 128 bits; one of IPv4 as IPv6 writes it, `::ffff:a.b.c.d`.
package struct ClientAddress: Hashable, Sendable, BitwiseCopyable {
    package var high: UInt64
    package var low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    package init(v4 address: UInt32) {
        self.init(high: 0, low: 0xffff << 32 | UInt64(address))
    }

    package var isV4: Bool { self.high == 0 && self.low >> 32 == 0xffff }

    /// What counts as one client: whoever has an address of IPv6 has the 2^64 beside it.
    var place: Self { self.isV4 ? self : Self(high: self.high, low: 0) }
}

/// How many connections come from where; a host's side of overload, asked before a connection is a client's.
package struct AddressSeats: Sendable {
    private var taken: [ClientAddress: UInt32] = [:]
    private let limit: UInt32
    /// How often there was no seat.
    package private(set) var refused: UInt64 = 0

    /// `limit` is what one place may have.
    package init(limit: UInt32) { self.limit = limit }

    /// Places that have connections.
    package var placeCount: Int { self.taken.count }

    /// Takes a seat for a connection; false if its place has as many as it may.
    package mutating func take(_ address: ClientAddress) -> Bool {
        let count = self.taken[address.place] ?? 0
        guard count < self.limit else {
            self.refused += 1
            return false
        }
        self.taken[address.place] = count + 1
        return true
    }

    /// Gives a seat back that was taken.
    package mutating func give(_ address: ClientAddress) {
        guard let count = self.taken[address.place] else {
            preconditionFailure("a seat is given back once")
        }
        self.taken[address.place] = count == 1 ? nil : count - 1
    }
}
