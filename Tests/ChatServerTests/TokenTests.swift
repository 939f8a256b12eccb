import ChatServer
import Crypto
import Foundation
import Kernel
import Testing

/// The verdict on the spot beside the library's.
struct TokenTests {
    private static let secret = "a secret"

    private static func base64URL(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
            .replacing("=", with: "")
    }

    private static func token(
        _ payload: String,
        header: String = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}",
        secret: String = Self.secret
    ) -> String {
        let signed = Self.base64URL(header.utf8) + "." + Self.base64URL(payload.utf8)
        let key = SymmetricKey(data: Array(secret.utf8))
        let code = HMAC<SHA256>.authenticationCode(for: Array(signed.utf8), using: key)
        return signed + "." + Self.base64URL(code)
    }

    static let plain: [String] = [
        token("{\"sub\":\"alice\"}"), token("{\"sub\":\"\"}"), token("{\"sub\":\"caf\u{e9} 🎈\"}"),
        token("{\"exp\":4000000000,\"sub\":\"a\"}"), token("{\"sub\":\"a\",\"exp\":1}"),
        token("{\"sub\":\"a\",\"exp\":0}"), token("{\"sub\":\"a\",\"exp\":999999999999999}"),
        token("{\"sub\":\"a\"}", header: "{\"typ\":\"JWT\",\"alg\":\"HS256\"}"),
        token("{\"sub\":\"a\"}", header: "{\"alg\":\"HS256\"}"),
    ]

    /// Not plain: some are good all the same, and that is for the library to say.
    static let others: [String] = [
        token("{\"sub\":\"a\"}", secret: "another"), token("{\"sub\":\"a\"}") + "A",
        token("{\"sub\":\"a\"}") + "=", token("{\"sub\":\"a\"}") + ".",
        token("{\"sub\":\"a\"}").replacing(".", with: ""), "", ".", "..", "...",
        token("{\"sub\":\"a\"}", header: "{\"alg\":\"none\"}"),
        token("{\"sub\":\"a\"}", header: "{\"alg\":\"HS512\"}"),
        token("{\"sub\":\"a\"}", header: "{\"alg\":\"HS256\",\"alg\":\"none\"}"),
        token("{\"sub\":\"a\"}", header: "{\"alg\":\"HS256\",\"crit\":[\"x\"]}"),
        token("{\"sub\":\"a\"}", header: "{\"alg\":\"HS256\",\"kid\":\"x\"}"),
        token("{\"sub\":\"a\"}", header: "{\"alg\":\"HS256\",\"typ\":\"x\"}"),
        token("{}"), token("{"), token("[]"), token("{\"sub\":7}"), token("{\"sub\":\"a\"}x"),
        token(" {\"sub\":\"a\"}"), token("{ \"sub\":\"a\"}"), token("{\"sub\":\"a\",}"),
        token("{\"sub\":\"a\",\"sub\":\"b\"}"), token("{\"sub\":\"\\u0061\"}"),
        token("{\"sub\":\"a\u{7}\"}"), token("{\"sub\":\"a\",\"exp\":\"4000000000\"}"),
        token("{\"sub\":\"a\",\"exp\":1e99}"), token("{\"sub\":\"a\",\"exp\":-1}"),
        token("{\"sub\":\"a\",\"exp\":4000000000.5}"), token("{\"sub\":\"a\",\"exp\":01}"),
        token("{\"sub\":\"a\",\"exp\":1000000000000000}"), token("{\"sub\":\"a\",\"exp\":null}"),
        token("{\"sub\":\"a\",\"nbf\":4000000000}"), token("{\"sub\":\"a\",\"channel\":\"c\"}"),
        token("{\"exp\":4000000000}"),
        token("{\"sub\":\"" + String(repeating: "a", count: 900) + "\"}"),
    ]

    /// Whether two verdicts are the same, their times to live being of two moments.
    private static func agree(_ left: TokenVerdict, _ right: TokenVerdict) -> Bool {
        switch (left, right) {
        case (.accepted(let one, let first, _), .accepted(let two, let second, _)):
            guard one == two, (first == nil) == (second == nil) else { return false }
            let apart =
                Int64(first?.nanoseconds ?? 0) - Int64(second?.nanoseconds ?? 0)
            return apart.magnitude < 5_000_000_000
        case (.expired, .expired), (.invalid, .invalid): return true
        case (.accepted, _), (.expired, _), (.invalid, _): return false
        }
    }

    @Test(arguments: Self.plain)
    func `a plain token gets the library's verdict on the spot`(_ token: String) async throws {
        let verifier = try await TokenVerifier(TokenPolicy(keys: [.secret(Self.secret)]))
        let verdict = try #require(verifier.checkAtOnce(token, at: Date())).verdict
        let slow = verifier.carefulCheck(token, at: Date()).verdict
        #expect(Self.agree(verdict, slow), "\(verdict), \(slow)")
    }

    @Test(arguments: Self.others)
    func `of any other token the spot has no opinion`(_ token: String) async throws {
        let verifier = try await TokenVerifier(TokenPolicy(keys: [.secret(Self.secret)]))
        #expect(verifier.checkAtOnce(token, at: Date()) == nil)
    }

    @Test(arguments: ["[\"x\"]", "[]", "[\"alg\"]", "\"x\"", "{}", "7"])
    func `a token that says what must be understood is refused`(_ list: String) async throws {
        let verifier = try await TokenVerifier(TokenPolicy(keys: [.secret(Self.secret)]))
        for (header, isGood) in [
            ("{\"alg\":\"HS256\"}", true), ("{\"alg\":\"HS256\",\"crit\":\(list)}", false),
        ] {
            let token = Self.token("{\"sub\":\"a\"}", header: header)
            let verdict = verifier.check(connectionToken: token, at: Date()).verdict
            #expect((verdict != .invalid) == isGood)
        }
    }

    @Test(arguments: [
        "k", String(repeating: "k", count: 31), String(repeating: "k", count: 200),
    ])
    func `keys of any length make the library's signatures`(secret: String) async throws {
        let verifier = try await TokenVerifier(TokenPolicy(keys: [.secret(secret)]))
        let signer = await TokenSigner(hmacSecret: secret)
        for lifetime in [nil, 60] as [UInt64?] {
            let token = try await signer.token(user: "u", channel: nil, lifetime: lifetime)
            let slow = verifier.carefulCheck(token, at: Date()).verdict
            // The library writes a fraction of a second, which is not plain.
            guard let verdict = verifier.checkAtOnce(token, at: Date())?.verdict else {
                #expect(lifetime != nil)
                continue
            }
            #expect(Self.agree(verdict, slow), "\(verdict), \(slow)")
        }
    }

    @Test func `no token with one character changed is accepted on the spot`() async throws {
        let verifier = try await TokenVerifier(TokenPolicy(keys: [.secret(Self.secret)]))
        let token = Array(Self.token("{\"sub\":\"alice\",\"exp\":4000000000}").utf8)
        for index in token.indices {
            for letter in Array("AZaz09-_.+/= \"".utf8) where letter != token[index] {
                var forged = token
                forged[index] = letter
                let text = String(decoding: forged, as: UTF8.self)
                #expect(verifier.checkAtOnce(text, at: Date()) == nil, "\(text)")
            }
        }
    }
}
