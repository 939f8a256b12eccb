import ChatCore
import ChatServer
import Kernel
import Testing

/// Network addresses, their ranges, and how many connections come from one.
struct ClientAddressTests {
    private static func address(_ text: String) throws -> ClientAddress {
        try #require(ClientAddress(text: text))
    }

    @Test(arguments: ["127.0.0.1", "0.0.0.0", "255.255.255.255", "::1", "2001:db8::", "fe80::1:2"])
    func `an address is in its own range, and in the one of everything`(_ text: String) throws {
        let address = try Self.address(text)
        let width = address.isV4 ? 32 : 128
        for range in [text, "\(text)/\(width)", "\(text)/8", "\(text)/1", "\(text)/0"] {
            #expect(try #require(AddressRange(range)).contains(address), "\(range)")
        }
    }

    @Test(arguments: [
        ("10.0.0.0/8", "11.0.0.0"), ("10.0.0.0/8", "9.255.255.255"), ("10.1.2.0/23", "10.1.4.0"),
        ("10.1.2.3", "10.1.2.2"), ("0.0.0.0/0", "::1"), ("2001:db8::/32", "2001:db9::"),
        ("2001:db8::/65", "2001:db8::8000:0:0:0"), ("::1", "::2"), ("::/1", "8000::"),
    ])
    func `an address beside a range is not in it`(_ range: String, _ text: String) throws {
        #expect(try !#require(AddressRange(range)).contains(Self.address(text)))
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.255.255"), ("10.1.2.0/23", "10.1.3.255"),
        ("2001:db8::/32", "2001:db8:ffff::"), ("2001:db8::/65", "2001:db8::7fff:0:0:0"),
        ("10.0.0.0/8", "::ffff:10.9.8.7"),
    ])
    func `an address inside a range is in it`(_ range: String, _ text: String) throws {
        #expect(try #require(AddressRange(range)).contains(Self.address(text)))
    }

    @Test(arguments: [
        "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0", "::1/129",
        "localhost", "10.0.0.0 /8", "10.0.0.0/+8", "10.0.0.0/8 ",
    ])
    func `what is no range is refused`(_ text: String) { #expect(AddressRange(text) == nil) }

    @Test
    func `a place has as many seats as it may, and all of them back when they are given back`()
        throws
    {
        var seats = AddressSeats(limit: 2)
        func take(_ text: String) throws -> Bool { seats.take(try Self.address(text)) }
        let here = "192.0.2.1"
        #expect(try [take(here), take(here), take(here)] == [true, true, false])
        #expect(try take("192.0.2.2"))
        // Whoever has one address of IPv6 has all of its network.
        #expect(try take("2001:db8::1"))
        #expect(try take("2001:db8::ffff:0:0:1"))
        #expect(try !take("2001:db8::2"))
        #expect(try take("2001:db8:0:1::2"))
        #expect(seats.refused == 2)
        seats.give(try Self.address(here))
        #expect(try [take(here), take(here)] == [true, false])
        for _ in 0..<2 { seats.give(try Self.address(here)) }
        seats.give(try Self.address("192.0.2.2"))
        #expect(seats.placeCount == 2, "what nobody uses is forgotten")
    }
}
