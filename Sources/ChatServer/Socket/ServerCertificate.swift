import Foundation
import NIOCore
import NIOSSL
import Synchronization

/// Where a server's certificate and its key lie.
package struct CertificateFiles: Equatable, Sendable {
    /// PEM: the server's own certificate, then those that lead from it to a root.
    package var certificatePath: String
    /// PEM, without a pass phrase: the key of the first of those certificates.
    package var keyPath: String

    package init(certificatePath: String, keyPath: String) {
        self.certificatePath = certificatePath
        self.keyPath = keyPath
    }
}

/// What new connections are shown as proof of the server's name; connections that there are keep theirs
/// when it is read again.
final class ServerCertificate: Sendable {
    /// How long a connection that is closed waits for its client's goodbye.
    private static let farewell = TimeAmount.seconds(2)

    private let files: CertificateFiles
    private let context: Mutex<NIOSSLContext>

    init(_ files: CertificateFiles) throws(StartError) {
        self.files = files
        self.context = Mutex(try Self.context(of: files))
    }

    /// Reads the files again; what was shown before stays if they cannot be used.
    func reload() throws(StartError) {
        let context = try Self.context(of: self.files)
        self.context.withLock { $0 = context }
    }

    /// The TLS of one new connection.
    func layer() -> NIOSSLServerHandler {
        NIOSSLServerHandler(context: self.context.withLock { $0 })
    }

    private static func context(of files: CertificateFiles) throws(StartError) -> NIOSSLContext {
        let certificate = "TLS certificate \(files.certificatePath)"
        let chain = try Self.read(files.certificatePath, as: certificate) {
            try NIOSSLCertificate.fromPEMBytes($0)
        }
        guard !chain.isEmpty else {
            throw StartError("\(certificate): holds no certificate; expected some in PEM")
        }
        let key = try Self.read(files.keyPath, as: "TLS key \(files.keyPath)") {
            try NIOSSLPrivateKey(bytes: $0, format: .pem)
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(key)
        )
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        configuration.shutdownTimeout = Self.farewell
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw StartError(
                "TLS key \(files.keyPath): does not fit \(files.certificatePath);"
                    + " expected the key of the first certificate there"
            )
        }
    }

    /// What a file holds; an error names the file and says nothing of what is in it.
    private static func read<Content>(
        _ path: String,
        as name: String,
        _ parse: ([UInt8]) throws -> Content
    ) throws(StartError) -> Content {
        let bytes: [UInt8]
        do {
            bytes = Array(try Data(contentsOf: URL(filePath: path)))
        } catch {
            throw StartError("\(name): cannot be read; expected a PEM file")
        }
        do {
            return try parse(bytes)
        } catch {
            throw StartError("\(name): cannot be used; expected PEM without a pass phrase")
        }
    }
}

/// Counts the bytes that TLS gives to a socket: more than what was written into it.
final class WireMeter: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    private(set) var byteCount = 0

    func write(
        context: ChannelHandlerContext,
        data: NIOAny,
        promise: EventLoopPromise<Void>?
    ) {
        self.byteCount += self.unwrapOutboundIn(data).readableBytes
        context.write(data, promise: promise)
    }
}
