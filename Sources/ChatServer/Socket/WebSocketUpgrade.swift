import Crypto
import Foundation
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// Why an upgrade request is refused.
enum UpgradeRefusal: Error {
    case notTheEndpoint
    case badRequest
}

/// What a request asks of its socket, and what it is told of that.
struct Negotiation: Equatable {
    var dialect = Dialect()
    /// The subprotocol that is echoed, if one was offered that is known.
    var subprotocol: String?

    /// A header that is absent or empty offers nothing, and means JSON.
    init(_ request: HTTPRequestHead) {
        let parts = request.uri.split(separator: "?", maxSplits: 1)
        let query = parts.count > 1 ? parts[1].split(separator: "&").map(String.init) : []
        let offered = request.headers[canonicalForm: "Sec-WebSocket-Protocol"].map(String.init)
        for subprotocol in ["centrifuge-json", "centrifuge-protobuf"]
        where offered.contains(subprotocol) {
            self.subprotocol = subprotocol
        }
        let asksForProtobuf =
            self.subprotocol == "centrifuge-protobuf" || query.contains("format=protobuf")
            || query.contains("cf_protocol=protobuf")
        self.dialect = Dialect(
            format: asksForProtobuf ? .protobuf : .json,
            pingsByFrame: query.contains("cf_ws_frame_ping_pong=true")
        )
    }
}

/// Turns a request on the endpoint into a client's socket (RFC 6455, section 4.2).
///
/// Leaves NIO's frame decoder and our own inbound part in the pipeline; frames go out as ready bytes,
/// so there is no encoder.
final class WebSocketUpgrade: HTTPServerProtocolUpgrader, Sendable {
    static let endpoint = "/connection/websocket"

    let supportedProtocol = "websocket"
    let requiredUpgradeHeaders: [String] = []
    private let host: NIOLoopBound<ShardHost>

    init(host: NIOLoopBound<ShardHost>) { self.host = host }

    func buildUpgradeResponse(
        channel: any Channel,
        upgradeRequest: HTTPRequestHead,
        initialResponseHeaders: HTTPHeaders
    ) -> EventLoopFuture<HTTPHeaders> {
        do throws(UpgradeRefusal) {
            let headers = try Self.headers(for: upgradeRequest, from: initialResponseHeaders)
            return channel.eventLoop.makeSucceededFuture(headers)
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
    }

    func upgrade(
        context: ChannelHandlerContext,
        upgradeRequest: HTTPRequestHead
    ) -> EventLoopFuture<Void> {
        context.eventLoop.makeCompletedFuture {
            let decoder = WebSocketFrameDecoder(maxFrameSize: ClientSocket.messageLimit)
            try context.pipeline.syncOperations.addHandler(ByteToMessageHandler(decoder))
            let dialect = Negotiation(upgradeRequest).dialect
            let socket = ClientSocket(host: self.host.value, dialect: dialect)
            try context.pipeline.syncOperations.addHandler(socket)
        }
    }

    /// The nonce of 16 bytes in base 64; `nil` if there is none.
    private static func key(of request: HTTPRequestHead) -> String? {
        guard let key = request.headers["Sec-WebSocket-Key"].first,
            Data(base64Encoded: key)?.count == 16
        else { return nil }
        return key
    }

    /// Whether a request asks for this version's upgrade without a key for it.
    static func lacksKey(_ request: HTTPRequestHead) -> Bool {
        request.headers["Upgrade"].first?.lowercased() == "websocket"
            && request.headers["Sec-WebSocket-Version"].first == "13"
            && Self.key(of: request) == nil
    }

    private static func headers(
        for request: HTTPRequestHead,
        from initial: HTTPHeaders
    ) throws(UpgradeRefusal) -> HTTPHeaders {
        guard request.uri.prefix(while: { $0 != "?" }) == Self.endpoint else {
            throw .notTheEndpoint
        }
        guard request.method == .GET, request.headers["Sec-WebSocket-Version"].first == "13",
            let key = Self.key(of: request)
        else { throw .badRequest }
        var headers = initial
        let magic = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        let digest = Insecure.SHA1.hash(data: Array(magic.utf8))
        headers.replaceOrAdd(name: "Upgrade", value: "websocket")
        headers.replaceOrAdd(name: "Connection", value: "upgrade")
        headers.add(
            name: "Sec-WebSocket-Accept",
            value: Data(digest).base64EncodedString()
        )
        if let subprotocol = Negotiation(request).subprotocol {
            headers.add(name: "Sec-WebSocket-Protocol", value: subprotocol)
        }
        return headers
    }
}
