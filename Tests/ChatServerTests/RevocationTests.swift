import ChatCore
import ChatServer
import Foundation
import Kernel
import Testing

/// Which tokens hold no more, and for how long that is remembered.
struct RevocationTests {
    /// A file that nobody has used, removed at the end.
    private final class Place {
        let path = FileManager.default.temporaryDirectory
            .appending(path: "parley-\(UUID().uuidString).sqlite").path(percentEncoded: false)

        func open(limit: Int = 10, at now: UInt64 = 1_000) throws -> Revocations {
            try Revocations(path: self.path, limit: limit, at: now)
        }

        deinit {
            for suffix in ["", "-wal", "-shm"]
            where FileManager.default.fileExists(atPath: self.path + suffix) {
                do {
                    try FileManager.default.removeItem(atPath: self.path + suffix)
                } catch {
                    Issue.record("a file stays: \(error)")
                }
            }
        }
    }

    private static func mark(
        _ id: String?,
        user: String = "alice",
        issuedAt: Double? = nil
    ) -> TokenMark {
        TokenMark(id: id, user: user, issuedAt: issuedAt)
    }

    private static func token(_ id: String, until expiry: UInt64 = 9_000) -> Revocation {
        Revocation(.token(TokenID(named: id)), until: expiry)
    }

    private static func user(
        _ name: String,
        before: UInt64,
        until expiry: UInt64 = 9_000
    ) -> Revocation {
        Revocation(.user(UserID(named: name), issuedBefore: before), until: expiry)
    }

    @Test func `a token is revoked by its own id, whoever's it is, until its end`() throws {
        let place = Place()
        let revocations = try place.open()
        #expect(!revocations.covers(Self.mark("t1"), at: 1_000))
        try revocations.add(Self.token("t1"), at: 1_000)
        #expect(revocations.covers(Self.mark("t1"), at: 1_001))
        #expect(revocations.covers(Self.mark("t1", user: "bob", issuedAt: 99), at: 8_999))
        #expect(!revocations.covers(Self.mark("t1"), at: 9_000))
        for other in [nil, "", "t2", "T1"] as [String?] {
            #expect(!revocations.covers(Self.mark(other), at: 1_001))
        }
    }

    @Test func `a user's tokens from before an instant are revoked, and those without a time`()
        throws
    {
        let place = Place()
        let revocations = try place.open()
        try revocations.add(Self.user("alice", before: 5_000), at: 1_000)
        for time in [nil, 0, -7, 4, 4.999, .nan, 1e30] as [Double?] {
            #expect(revocations.covers(Self.mark("t", issuedAt: time), at: 2_000), "\(time ?? -1)")
        }
        for time in [5, 5.001, 7] as [Double] {
            #expect(!revocations.covers(Self.mark("t", issuedAt: time), at: 2_000), "\(time)")
        }
        #expect(!revocations.covers(Self.mark("t", user: "bob", issuedAt: 1), at: 2_000))
        #expect(!revocations.covers(Self.mark("t", issuedAt: 1), at: 9_000))
    }

    @Test func `no later revocation takes an earlier one back`() throws {
        let place = Place()
        let revocations = try place.open()
        try revocations.add(Self.user("alice", before: 5_000), at: 1_000)
        try revocations.add(Self.user("alice", before: 3_000, until: 4_000), at: 1_000)
        try revocations.add(Self.token("t"), at: 1_000)
        try revocations.add(Self.token("t", until: 2_000), at: 1_000)
        for look in [revocations, try place.open()] {
            #expect(look.covers(Self.mark(nil, issuedAt: 4), at: 8_000))
            #expect(look.covers(Self.mark("t", user: "bob"), at: 8_000))
        }
    }

    @Test
    func `what was revoked is known when the file is opened again, and what has ended is not kept`()
        throws
    {
        let place = Place()
        let first = try place.open(limit: 2)
        try first.add(Self.token("t1"), at: 1_000)
        try first.add(Self.user("bob", before: 5_000, until: 3_000), at: 1_000)
        let second = try place.open(limit: 2, at: 2_000)
        #expect(second.covers(Self.mark("t1"), at: 2_000))
        #expect(second.covers(Self.mark(nil, user: "bob"), at: 2_000))
        let third = try place.open(limit: 2, at: 3_000)
        #expect(third.covers(Self.mark("t1"), at: 3_000))
        try third.add(Self.token("t3"), at: 3_000)
        #expect(throws: RevocationError.full) { try third.add(Self.token("t4"), at: 3_000) }
    }

    @Test func `more revocations than may be are refused until some have ended`() throws {
        let place = Place()
        let revocations = try place.open(limit: 3)
        for number in 0..<3 as Range<UInt64> {
            try revocations.add(Self.token("t\(number)", until: 2_000 + number), at: 1_000)
        }
        #expect(throws: RevocationError.full) {
            try revocations.add(Self.token("t9"), at: 1_999)
        }
        #expect(!revocations.covers(Self.mark("t9"), at: 1_999))
        try revocations.add(Self.token("t1", until: 5_000), at: 1_999)
        try revocations.add(Self.token("t9"), at: 2_000)
        #expect(revocations.covers(Self.mark("t9"), at: 2_000))
        #expect(revocations.covers(Self.mark("t1"), at: 4_000))
    }

    @Test func `a file that is no database is refused`() throws {
        let place = Place()
        try Data(repeating: 0x5a, count: 8_192).write(to: URL(filePath: place.path))
        #expect(throws: DatabaseError.self) { _ = try place.open() }
    }

    @Test func `a verifier takes no revoked token, of either kind`() async throws {
        let place = Place()
        let revocations = try place.open()
        let policy = TokenPolicy(keys: [.secret("secret")])
        let verifier = try await TokenVerifier(policy, revocations: revocations)
        let signer = await TokenSigner(hmacSecret: "secret")
        let token = try await signer.token(user: "alice", channel: nil, lifetime: nil)
        let ticket = try await signer.token(user: "alice", channel: "den", lifetime: nil)
        let now = Date(timeIntervalSince1970: 2)
        let isGood = {
            let grant = verifier.ruling(
                onSubscriptionToken: ticket,
                of: "alice",
                for: "den",
                at: now
            ).grant
            let verdict = verifier.check(connectionToken: token, at: now).verdict
            return [verdict != .invalid, grant != .invalid]
        }
        #expect(isGood() == [true, true])
        try revocations.add(Self.user("bob", before: 2_000), at: 2_000)
        #expect(isGood() == [true, true])
        try revocations.add(Self.user("alice", before: 2_000), at: 2_000)
        #expect(isGood() == [false, false])
    }
}
