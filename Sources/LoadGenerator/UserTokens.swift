import JWTKit

/// Connection tokens for the users of a run.
package enum UserTokens {
    private struct Claims: JWTPayload {
        var sub: SubjectClaim

        func verify(using algorithm: some JWTAlgorithm) async throws {}
    }

    /// One token for each user, in their order, signed with HMAC SHA-256; they do not expire.
    package static func signed(for users: [String], secret: String) async throws -> [String] {
        let keys = JWTKeyCollection()
        // HMAC pads a short key with zeros anyway (RFC 2104), and the library insists on 32 bytes.
        var key = Array(secret.utf8)
        while key.count < 32 { key.append(0) }
        await keys.add(hmac: HMACKey(from: key), digestAlgorithm: .sha256)
        var tokens: [String] = []
        for user in users {
            tokens.append(try await keys.sign(Claims(sub: SubjectClaim(value: user))))
        }
        return tokens
    }
}
