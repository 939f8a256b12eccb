import ChatCore
import ChatServer
import Crypto
import CryptoExtras
import Foundation
import JWTKit
import Kernel
import Testing

/// What a test puts into a token.
struct TestClaims: JWTPayload {
    var sub: String? = "42"
    var exp: Double?
    var nbf: Double?
    var iss: String?
    var aud: [String]?
    var channel: String?
    var expire_at: Double?
    var info: [String: Int]?
    var b64info: String?
    var channels: [String]?
    var subs: [String: [String: [String: Int]]]?
    var meta: [String: Int]?

    func verify(using algorithm: some JWTAlgorithm) throws {}
}

/// A pair of keys for each algorithm.
struct SigningPair: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var source: TokenKeySource
    var signer: @Sendable () async throws -> JWTKeyCollection

    init(
        _ name: String,
        _ source: TokenKeySource,
        _ signer: @escaping @Sendable () async throws -> JWTKeyCollection
    ) {
        self.testDescription = name
        self.source = source
        self.signer = signer
    }

    func token(_ claims: TestClaims, kid: String? = nil) async throws -> String {
        let keys = try await self.signer()
        return try await keys.sign(claims, kid: kid.map { JWKIdentifier(string: $0) })
    }

    static let secret = "a secret of more than 64 bytes, so that no algorithm has to pad it with 0"

    static let all = Self.symmetric + Self.rsa + Self.curves

    private static let symmetric: [SigningPair] = {
        Self.digests.map { name, digest in
            SigningPair("HS\(name)", .secret(Self.secret)) {
                await JWTKeyCollection().add(
                    hmac: HMACKey(from: Self.secret),
                    digestAlgorithm: digest
                )
            }
        }
    }()

    private static let digests: [(String, DigestAlgorithm)] = [
        ("256", .sha256), ("384", .sha384), ("512", .sha512),
    ]

    private static let rsa: [SigningPair] = {
        do {
            let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
            let pem = key.pemRepresentation
            let source = TokenKeySource.rsa(pem: key.publicKey.pemRepresentation)
            return Self.digests.map { name, digest in
                SigningPair("RS\(name)", source) {
                    let key = try Insecure.RSA.PrivateKey(pem: pem)
                    return await JWTKeyCollection().add(rsa: key, digestAlgorithm: digest)
                }
            }
        } catch {
            preconditionFailure("an RSA key is made: \(error)")
        }
    }()

    private static let curves: [SigningPair] = {
        let es256 = ES256PrivateKey()
        let es384 = ES384PrivateKey()
        let es512 = ES512PrivateKey()
        let ed25519 = Curve25519.Signing.PrivateKey()
        // The fixed head of such a key's DER (RFC 8410, section 10.1).
        let head: [UInt8] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0]
        let der = Data(head + ed25519.publicKey.rawRepresentation).base64EncodedString()
        let pem = "-----BEGIN PUBLIC KEY-----\n\(der)\n-----END PUBLIC KEY-----\n"
        return [
            SigningPair("ES256", .ecdsa(pem: es256.publicKey.pemRepresentation)) {
                await JWTKeyCollection().add(ecdsa: es256)
            },
            SigningPair("ES384", .ecdsa(pem: es384.publicKey.pemRepresentation)) {
                await JWTKeyCollection().add(ecdsa: es384)
            },
            SigningPair("ES512", .ecdsa(pem: es512.publicKey.pemRepresentation)) {
                await JWTKeyCollection().add(ecdsa: es512)
            },
            SigningPair("EdDSA", .ed25519(pem: pem)) {
                await JWTKeyCollection().add(eddsa: EdDSA.PrivateKey(backing: ed25519))
            },
        ]
    }()
}

@Suite struct TokenVerifierTests {
    private static let now = Date(timeIntervalSince1970: 1_800_000_000)
    private static let accepted = TokenVerdict.accepted(user: "42", timeToLive: nil, TokenGrants())

    private static func verifier(
        _ sources: [TokenKeySource],
        audience: String? = nil,
        issuer: String? = nil
    ) async throws -> TokenVerifier {
        try await TokenVerifier(TokenPolicy(keys: sources, audience: audience, issuer: issuer))
    }

    private static func verdict(
        _ claims: TestClaims,
        audience: String? = nil,
        issuer: String? = nil
    ) async throws -> TokenVerdict {
        let verifier = try await Self.verifier(
            [SigningPair.all[0].source],
            audience: audience,
            issuer: issuer
        )
        let token = try await SigningPair.all[0].token(claims)
        return verifier.check(connectionToken: token, at: Self.now).verdict
    }

    @Test(arguments: SigningPair.all)
    func `a token is good for the server that has its key, and for no other`(
        _ pair: SigningPair
    ) async throws {
        let token = try await pair.token(TestClaims())
        let own = try await Self.verifier(SigningPair.all.map(\.source))
        #expect(own.check(connectionToken: token, at: Self.now).verdict == Self.accepted)
        let others = SigningPair.all.filter {
            $0.testDescription.prefix(2) != pair.testDescription.prefix(2)
                || (pair.testDescription.hasPrefix("ES")
                    && $0.testDescription != pair.testDescription)
        }
        let other = try await Self.verifier(others.map(\.source))
        #expect(other.check(connectionToken: token, at: Self.now).verdict == .invalid)
    }

    @Test(arguments: SigningPair.all)
    func `no byte of a token can be changed`(_ pair: SigningPair) async throws {
        let token = try await pair.token(TestClaims())
        let verifier = try await Self.verifier([pair.source])
        for index in stride(from: 0, to: token.utf8.count - 1, by: 3) {
            var bytes = Array(token.utf8)
            bytes[index] = bytes[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(verifier.check(connectionToken: text, at: Self.now).verdict == .invalid)
        }
    }

    @Test func `a public key is no secret: an HMAC made with its text is refused`() async throws {
        let pair = try #require(SigningPair.all.first { $0.testDescription == "ES256" })
        guard case .ecdsa(let pem) = pair.source else { return }
        let forger = await JWTKeyCollection().add(
            hmac: HMACKey(from: pem),
            digestAlgorithm: .sha256
        )
        let token = try await forger.sign(TestClaims())
        let verifier = try await Self.verifier([pair.source])
        #expect(verifier.check(connectionToken: token, at: Self.now).verdict == .invalid)
    }

    @Test(arguments: ["none", "None", "hs256", "HS257", ""])
    func `an algorithm that is not configured is refused`(_ name: String) async throws {
        let header = Data("{\"alg\":\"\(name)\"}".utf8).base64EncodedString()
        let claims = Data("{\"sub\":\"42\"}".utf8).base64EncodedString()
        let verifier = try await Self.verifier([SigningPair.all[0].source])
        for signature in ["", "AAAA"] {
            let token = "\(header).\(claims).\(signature)".replacing("=", with: "")
            #expect(verifier.check(connectionToken: token, at: Self.now).verdict == .invalid)
        }
    }

    @Test(arguments: ["", ".", "..", "...", "a.b.c", "é", "{}.{}.{}"])
    func `what is no token is refused`(_ token: String) async throws {
        let verifier = try await Self.verifier([SigningPair.all[0].source])
        #expect(verifier.check(connectionToken: token, at: Self.now).verdict == .invalid)
    }

    @Test func `times are kept`() async throws {
        let now = Self.now.timeIntervalSince1970
        #expect(try await Self.verdict(TestClaims(exp: now)) == .expired)
        #expect(try await Self.verdict(TestClaims(nbf: now + 1)) == .expired)
        let minute = TokenVerdict.accepted(user: "42", timeToLive: .seconds(60), TokenGrants())
        #expect(try await Self.verdict(TestClaims(exp: now + 60)) == minute)
        #expect(try await Self.verdict(TestClaims(exp: now + 5, expire_at: now + 60)) == minute)
        #expect(try await Self.verdict(TestClaims(exp: now + 5, expire_at: 0)) == Self.accepted)
        #expect(try await Self.verdict(TestClaims(expire_at: now - 1)) == .expired)
    }

    @Test func `issuer and audience are kept`() async throws {
        let both = TestClaims(iss: "me", aud: ["you", "them"])
        #expect(try await Self.verdict(both, audience: "them", issuer: "me") == Self.accepted)
        #expect(try await Self.verdict(both, audience: "us") == .invalid)
        #expect(try await Self.verdict(both, issuer: "you") == .invalid)
        #expect(try await Self.verdict(TestClaims(), audience: "them") == .invalid)
        #expect(try await Self.verdict(TestClaims(), issuer: "me") == .invalid)
    }

    @Test func `a subscription token is none for a connection, nor one without a user`()
        async throws
    {
        #expect(try await Self.verdict(TestClaims(channel: "a")) == .invalid)
        #expect(try await Self.verdict(TestClaims(sub: nil)) == .invalid)
    }

    @Test func `a subscription token is for one user and one channel`() async throws {
        let verifier = try await Self.verifier([SigningPair.all[0].source])
        let now = Self.now.timeIntervalSince1970
        let cases: [(TestClaims, SubscriptionGrant)] = [
            (TestClaims(channel: "a"), .accepted(timeToLive: nil)),
            (TestClaims(exp: now + 9, channel: "a"), .accepted(timeToLive: .seconds(9))),
            (TestClaims(channel: "b"), .foreign), (TestClaims(sub: "41", channel: "a"), .foreign),
            (TestClaims(exp: now - 1, channel: "a"), .expired), (TestClaims(), .invalid),
        ]
        for (claims, grant) in cases {
            let token = try await SigningPair.all[0].token(claims)
            let found = verifier.ruling(
                onSubscriptionToken: token,
                of: "42",
                for: "a",
                at: Self.now
            )
            #expect(found.grant == grant)
        }
        let forged = try await SigningPair.all[1].token(TestClaims(channel: "a")) + "A"
        let found = verifier.ruling(
            onSubscriptionToken: forged,
            of: "42",
            for: "a",
            at: Self.now
        )
        #expect(found.grant == .invalid)
    }

    @Test func `what a token says of its bearer and its channels goes with it`() async throws {
        let pair = SigningPair.all[0]
        let verifier = try await Self.verifier([pair.source])
        var claims = TestClaims(info: ["a": 1], channels: ["x", "y"])
        claims.subs = ["y": ["info": ["b": 2], "data": ["c": 3]]]
        claims.meta = ["secret": 4]
        let token = try await pair.token(claims)
        let grants = TokenGrants(
            info: Array("{\"a\":1}".utf8),
            subscriptions: [
                Granted(channel: "x"),
                Granted(
                    channel: "y",
                    info: Array("{\"b\":2}".utf8),
                    data: Array("{\"c\":3}".utf8)
                ),
            ]
        )
        let verdict = verifier.check(connectionToken: token, at: Self.now).verdict
        #expect(verdict == .accepted(user: "42", timeToLive: nil, grants))
        let den = try await pair.token(TestClaims(channel: "den", b64info: "WzVd"))
        let ruling = verifier.ruling(onSubscriptionToken: den, of: "42", for: "den", at: Self.now)
        #expect(ruling.granted == Granted(channel: "den", info: Array("[5]".utf8)))
        for text in ["WzVd!", "/w==", "WzU="] {
            let broken = try await pair.token(TestClaims(b64info: text))
            #expect(verifier.check(connectionToken: broken, at: Self.now).verdict == .invalid)
        }
    }

    @Test func `a set of keys is asked for the one that a token names`() async throws {
        let es256 = ES256PrivateKey()
        let other = ES256PrivateKey()
        let jwks = try [("one", es256), ("two", other)].map { name, key in
            let point = try #require(key.publicKey.parameters)
            return """
                {"kty":"EC","crv":"P-256","kid":"\(name)","x":"\(point.x)","y":"\(point.y)"}
                """
        }
        let json = "{\"keys\":[\(jwks.joined(separator: ","))]}"
        let verifier = try await Self.verifier([.jwks(json: json)])
        let pair = SigningPair("", .jwks(json: json)) {
            await JWTKeyCollection().add(ecdsa: es256)
        }
        for (name, verdict) in [
            ("one", Self.accepted), (nil, Self.accepted), ("two", .invalid), ("three", .invalid),
        ] as [(String?, TokenVerdict)] {
            let token = try await pair.token(TestClaims(), kid: name)
            #expect(verifier.check(connectionToken: token, at: Self.now).verdict == verdict)
        }
    }

    /// As in the sets of issuers that also encrypt, or know more than this server.
    @Test(arguments: [
        #"{"kty":"RSA","use":"enc","alg":"RSA-OAEP","n":"AQAB","e":"AQAB"}"#,
        #"{"kty":"EC","crv":"secp256k1","alg":"ES256K","x":"AA","y":"AA"}"#,
        #"{"kty":"oct","k":"AAAA"}"#, #"{"kty":"new"}"#, #"{"kty":"OKP","crv":"X25519","x":"AA"}"#,
        #"{"kty":"EC","crv":"P-256","use":"enc","x":"X","y":"Y"}"#,
        #"{"kty":"EC","crv":"P-256","key_ops":["encrypt"],"x":"X","y":"Y"}"#,
    ])
    func `keys of a set that are for something else are passed over`(_ other: String) async throws {
        let key = ES256PrivateKey()
        let point = try #require(key.publicKey.parameters)
        let pair = SigningPair("", .secret("")) { await JWTKeyCollection().add(ecdsa: key) }
        let token = try await pair.token(TestClaims())
        let jwk = #"{"kty":"EC","crv":"P-256","x":"\#(point.x)","y":"\#(point.y)"}"#
        let verifier = try await Self.verifier([.jwks(json: "{\"keys\":[\(other),\(jwk)]}")])
        #expect(verifier.check(connectionToken: token, at: Self.now).verdict == Self.accepted)
        // The same point for another use is no key for signatures.
        let unfit = other.replacing("\"X\"", with: "\"\(point.x)\"")
            .replacing("\"Y\"", with: "\"\(point.y)\"")
        await #expect(throws: TokenKeyError.self) {
            try await Self.verifier([.jwks(json: "{\"keys\":[\(unfit)]}")])
        }
    }

    @Test(arguments: [
        TokenKeySource.secret(""), .rsa(pem: "no key"), .ecdsa(pem: "no key"),
        .ed25519(pem: "no key"), .jwks(json: "{}"), .jwks(json: "{\"keys\":[{\"kty\":\"RSA\"}]}"),
    ])
    func `what is no key is refused without being told`(_ source: TokenKeySource) async {
        let error = await #expect(throws: TokenKeyError.self) {
            try await Self.verifier([source])
        }
        #expect(error?.description.contains("no key") == false)
    }
}
