import Crypto
import Foundation

extension ClientSocket {
    /// Of this process, so that nobody can make a session of a connection's id, which others see.
    private static let sessionKey = SymmetricKey(size: .bits256)

    /// What the client alone knows its connection by.
    var session: String {
        let code = HMAC<SHA256>.authenticationCode(
            for: Array(self.client.utf8),
            using: Self.sessionKey
        )
        return Data(code).prefix(18).base64EncodedString()
    }
}
