import NIOCore
import NIOSSL

/// Why nobody's certificate can be trusted.
package struct ServerTrustError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String
}

/// Whose word is taken for a server's name.
package struct ServerTrust: Sendable {
    private let context: NIOSSLContext

    /// Trusts the authorities of a PEM file, or the machine's own.
    package init(authorities path: String?) throws(ServerTrustError) {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.applicationProtocols = ["http/1.1"]
        do {
            if let path {
                let authorities = try NIOSSLCertificate.fromPEMFile(path)
                configuration.trustRoots = .certificates(authorities)
            }
            self.context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw ServerTrustError(
                description: "\(path ?? "the machine's certificates") cannot be used;"
                    + " expected a PEM file with certificates of authorities"
            )
        }
    }

    /// The TLS of one new connection, to a name or to an IP address.
    func layer(to host: String) throws -> NIOSSLClientHandler {
        try NIOSSLClientHandler(
            context: self.context,
            serverHostname: Self.isAddress(host) ? nil : host
        )
    }

    private static func isAddress(_ host: String) -> Bool {
        do {
            _ = try SocketAddress(ipAddress: host, port: 0)
            return true
        } catch {
            return false
        }
    }
}
