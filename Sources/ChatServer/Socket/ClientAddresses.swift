package import ChatCore
import Glibc
import NIOCore
import NIOHTTP1
import Synchronization

/// A stretch of network addresses, as `10.0.0.0/8`, `::1` or `2001:db8::/32`.
package struct AddressRange: Equatable, Sendable {
    private let first: ClientAddress
    private let prefix: Int

    /// Fails unless the text is an address, or one and the count of its leading bits that matter.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = ClientAddress(text: String(parts[0])) else {
            return nil
        }
        let width = address.isV4 ? 32 : 128
        var bits = width
        if parts.count == 2 {
            guard parts[1].utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let given = UInt8(parts[1]),
                Int(given) <= width
            else { return nil }
            bits = Int(given)
        }
        self.first = address
        self.prefix = 128 - width + bits
    }

    package func contains(_ address: ClientAddress) -> Bool {
        let high = Self.mask(self.prefix)
        let low = Self.mask(self.prefix - 64)
        return address.high & high == self.first.high & high
            && address.low & low == self.first.low & low
    }

    /// The leading bits of a word.
    private static func mask(_ bits: Int) -> UInt64 {
        bits <= 0 ? 0 : bits >= 64 ? .max : ~(UInt64.max >> UInt64(bits))
    }
}

/// Which proxies are believed when they say for whom they connect, and in which header they do.
package struct ProxyPolicy: Equatable, Sendable {
    package var header: String
    package var trusted: [AddressRange]

    package init(header: String, trusted: [AddressRange]) {
        self.header = header
        self.trusted = trusted
    }

    func trusts(_ address: ClientAddress) -> Bool {
        self.trusted.contains { $0.contains(address) }
    }
}

/// Where clients connect from, and how many may from one place.
final class ClientAddresses: Sendable {
    private let seats: Mutex<AddressSeats>
    private let proxies: ProxyPolicy?

    init(limit: UInt32, proxies: ProxyPolicy?) {
        self.seats = Mutex(AddressSeats(limit: limit))
        self.proxies = proxies
    }

    var refused: UInt64 { self.seats.withLock { $0.refused } }

    /// Takes a seat until the connection closes; false if its place has as many as it may.
    ///
    /// A connection without an address, as one over a local socket, needs none.
    func admit(_ request: HTTPRequestHead, on channel: any Channel) -> Bool {
        guard let peer = channel.remoteAddress.flatMap(ClientAddress.init(socket:)) else {
            return true
        }
        let address = self.client(behind: peer, request)
        guard self.seats.withLock({ $0.take(address) }) else { return false }
        channel.closeFuture.whenComplete { _ in self.seats.withLock { $0.give(address) } }
        return true
    }

    /// The last address in the header that is no trusted proxy's: what stands before it, anybody may have
    /// written.
    func client(behind peer: ClientAddress, _ request: HTTPRequestHead) -> ClientAddress {
        guard let proxies = self.proxies, proxies.trusts(peer) else { return peer }
        var nearest = peer
        for text in request.headers[canonicalForm: proxies.header].reversed() {
            guard let address = ClientAddress(text: String(text)) else { return nearest }
            nearest = address
            guard proxies.trusts(address) else { return nearest }
        }
        return nearest
    }
}

extension ClientAddress {
    /// An address as text, without a port; `nil` if it is none.
    package init?(text: String) {
        do {
            self.init(socket: try SocketAddress(ipAddress: text, port: 0))
        } catch {
            return nil
        }
    }

    /// `nil` for what has no address on a network.
    init?(socket: SocketAddress) {
        switch socket {
        case .v4(let address):
            self.init(v4: UInt32(bigEndian: address.address.sin_addr.s_addr))
        case .v6(let address):
            var words = address.address.sin6_addr
            self = unsafe withUnsafeBytes(of: &words) { bytes in
                Self(
                    high: UInt64(bigEndian: unsafe bytes.loadUnaligned(as: UInt64.self)),
                    low: UInt64(
                        bigEndian: unsafe bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
                    )
                )
            }
        case .unixDomainSocket: return nil
        }
    }
}
