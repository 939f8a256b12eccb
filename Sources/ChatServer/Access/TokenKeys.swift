import Crypto
import Foundation
import JWTKit

/// Where a key comes from that tokens may be signed with.
package enum TokenKeySource: Sendable {
    /// A secret, for HS256, HS384 and HS512.
    case secret(String)
    /// A public key in PEM, for RS256, RS384 and RS512.
    case rsa(pem: String)
    /// A public key in PEM, for ES256, ES384 or ES512 by its curve.
    case ecdsa(pem: String)
    /// A public key in PEM, for EdDSA.
    case ed25519(pem: String)
    /// A JSON Web Key Set (RFC 7517) of public keys.
    case jwks(json: String)
}

/// A key that cannot be used; says nothing of what is in it.
package struct TokenKeyError: Error, CustomStringConvertible {
    package var description: String
}

/// The keys that tokens may be signed with, each for its own algorithms only: the header of a token
/// chooses among them, and cannot make one kind of key serve as another.
struct TokenKeys: Sendable {
    private struct Key {
        /// Tokens that name a key are checked with that one only.
        var id: String?
        var algorithm: any JWTAlgorithm
    }

    /// By the algorithm's name in a token's header.
    private var keys: [String: [Key]] = [:]

    init(_ sources: [TokenKeySource]) async throws(TokenKeyError) {
        for source in sources {
            do {
                try await self.add(source)
            } catch let error as TokenKeyError {
                throw error
            } catch {
                throw TokenKeyError(description: "\(Self.name(of: source)) cannot be used as a key")
            }
        }
    }

    private static func name(of source: TokenKeySource) -> String {
        switch source {
        case .secret: "the HMAC secret"
        case .rsa: "the RSA public key"
        case .ecdsa: "the ECDSA public key"
        case .ed25519: "the Ed25519 public key"
        case .jwks: "the JSON Web Key Set"
        }
    }

    private mutating func add(_ source: TokenKeySource) async throws {
        let digests: [DigestAlgorithm] = [.sha256, .sha384, .sha512]
        switch source {
        case .secret(let secret):
            guard !secret.isEmpty else {
                throw TokenKeyError(description: "the HMAC secret is empty")
            }
            // HMAC pads a short key with zeros anyway (RFC 2104), and the library wants them there.
            var key = Array(secret.utf8)
            while key.count < 64 { key.append(0) }
            for digest in digests {
                let hmac = HMACKey(from: key)
                try await self.keep { await $0.add(hmac: hmac, digestAlgorithm: digest) }
            }
        case .rsa(let pem):
            let key = try Insecure.RSA.PublicKey(pem: pem)
            for digest in digests {
                try await self.keep { await $0.add(rsa: key, digestAlgorithm: digest) }
            }
        case .ecdsa(let pem):
            try await self.addECDSA(pem)
        case .ed25519(let pem):
            let key = try EdDSA.PublicKey(pem: pem)
            try await self.keep { await $0.add(eddsa: key) }
        case .jwks(let json):
            try await self.add(set: json)
        }
    }

    /// Those of a set that are for signatures and of a kind that is known; RFC 7517, section 5, asks that others be
    /// passed over, and many issuers have keys for encryption beside.
    private mutating func add(set json: String) async throws {
        let set = try JSONSerialization.jsonObject(with: Data(json.utf8))
        guard let set = set as? [String: Any], let keys = set["keys"] as? [Any] else {
            throw TokenKeyError(description: "the JSON Web Key Set has no list of 'keys'")
        }
        var isUsable = false
        for (index, key) in keys.enumerated() {
            guard let key = key as? [String: Any], Self.isForSignatures(key) else { continue }
            let name = (key["kid"] as? String).map { "'\($0)'" } ?? "number \(index + 1)"
            do {
                let data = try JSONSerialization.data(withJSONObject: key)
                try await self.add(JSONDecoder().decode(JWK.self, from: data))
            } catch {
                throw TokenKeyError(
                    description: "key \(name) of the JSON Web Key Set cannot be used as a key"
                )
            }
            isUsable = true
        }
        guard isUsable else {
            let known = Self.known.subtracting(["HS256", "HS384", "HS512"]).sorted()
            throw TokenKeyError(
                description: "the JSON Web Key Set has no public key for"
                    + " \(known.joined(separator: ", "))"
            )
        }
    }

    private static func isForSignatures(_ key: [String: Any]) -> Bool {
        if let use = key["use"] as? String, use != "sig" { return false }
        if let operations = key["key_ops"] as? [String], !operations.contains("verify") {
            return false
        }
        if let algorithm = key["alg"] as? String, !Self.known.contains(algorithm) { return false }
        switch (key["kty"] as? String, key["crv"] as? String) {
        case ("RSA", _), ("OKP", "Ed25519"), ("EC", "P-256"), ("EC", "P-384"), ("EC", "P-521"):
            return true
        case (_, _): return false
        }
    }

    /// The curve is in the key: the one that it fits is the one.
    private mutating func addECDSA(_ pem: String) async throws {
        if let key = Self.key({ try ES256PublicKey(pem: pem) }) {
            try await self.keep { await $0.add(ecdsa: key) }
        } else if let key = Self.key({ try ES384PublicKey(pem: pem) }) {
            try await self.keep { await $0.add(ecdsa: key) }
        } else {
            let key = try ES512PublicKey(pem: pem)
            try await self.keep { await $0.add(ecdsa: key) }
        }
    }

    private static func key<Key>(_ make: () throws -> Key) -> Key? {
        do {
            return try make()
        } catch {
            return nil
        }
    }

    private mutating func add(_ key: JWK) async throws {
        let id = key.keyIdentifier?.string
        var named = key
        // The library wants a name; tokens do not get to see this one.
        named.keyIdentifier = JWKIdentifier(string: id ?? "key")
        let algorithms: [JWK.Algorithm]
        switch (key.keyType, key.algorithm) {
        case (_, let algorithm?): algorithms = [algorithm]
        case (.rsa, nil): algorithms = [.rs256, .rs384, .rs512]
        case (.octetKeyPair, nil): algorithms = [.eddsa]
        case (_, nil):
            switch key.curve {
            case .ecdsa(.p384): algorithms = [.es384]
            case .ecdsa(.p521): algorithms = [.es512]
            default: algorithms = [.es256]
            }
        }
        for algorithm in algorithms {
            named.algorithm = algorithm
            let jwk = named
            try await self.keep(as: id) { try await $0.add(jwk: jwk) }
        }
    }

    /// Keeps the key that the library makes of what is added.
    private mutating func keep(
        as id: String? = nil,
        _ add: (JWTKeyCollection) async throws -> JWTKeyCollection
    ) async throws {
        let algorithm = try await add(JWTKeyCollection()).getKey()
        guard Self.known.contains(algorithm.name) else {
            throw TokenKeyError(description: "\(algorithm.name) is not supported")
        }
        self.keys[algorithm.name, default: []].append(Key(id: id, algorithm: algorithm))
    }

    private static let known: Set = [
        "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "EdDSA",
    ]

    /// The claims of a token that is signed with one of the keys, as JSON; `nil` of any other.
    func claims(of token: String) -> Data? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, token.utf8.count <= Self.sizeLimit,
            let header = Self.decoded(parts[0]), let claims = Self.decoded(parts[1]),
            let signature = Self.decoded(parts[2]), let fields = Self.fields(of: header)
        else { return nil }
        let signed = Array(token.utf8.prefix(parts[0].utf8.count + 1 + parts[1].utf8.count))
        for key in self.keys[fields.alg] ?? []
        where key.id == nil || fields.kid == nil || key.id == fields.kid {
            guard Self.key({ try key.algorithm.verify(signature, signs: signed) }) == true
            else { continue }
            return claims
        }
        return nil
    }

    /// Longer tokens are refused unread.
    private static let sizeLimit = 16_384

    private struct Header: Decodable {
        var alg: String
        var kid: String?
        /// What must be understood, and is not.
        var crit: [String]?
    }

    private static func fields(of header: Data) -> Header? {
        do {
            let fields = try JSONDecoder().decode(Header.self, from: header)
            return fields.crit == nil ? fields : nil
        } catch {
            return nil
        }
    }

    /// Base 64 for URLs (RFC 4648, section 5).
    private static func decoded(_ text: Substring) -> Data? {
        guard text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "/") }) else {
            return nil
        }
        var plain = text.replacing("-", with: "+").replacing("_", with: "/")
        while !plain.count.isMultiple(of: 4) { plain.append("=") }
        return Data(base64Encoded: String(plain))
    }
}
