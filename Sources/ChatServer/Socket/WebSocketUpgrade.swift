import ChatCore
import Crypto
import Foundation
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// Why an upgrade request is refused.
enum UpgradeRefusal: Error {
    case notTheEndpoint
    case badRequest
    case foreignOrigin
    /// Too many connections come from the same place.
    case crowded
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
        self.subprotocol = ["centrifuge-protobuf", "centrifuge-json"].first(where: offered.contains)
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
final class WebSocketUpgrade {
    static let endpoint = "/connection/websocket"

    private let host: NIOLoopBound<ShardHost>
    private let origins: OriginPolicy
    /// Who counts where connections come from, if that is limited.
    private let addresses: ClientAddresses?
    /// What TLS makes of the bytes that are written, if there is TLS.
    private let meter: WireMeter?

    init(
        host: NIOLoopBound<ShardHost>,
        origins: OriginPolicy,
        addresses: ClientAddresses?,
        meter: WireMeter?
    ) {
        self.host = host
        self.origins = origins
        self.addresses = addresses
        self.meter = meter
    }

    /// The headers that grant a request, or why it is refused; a request that is granted has a seat until
    /// its connection closes.
    func response(
        to request: HTTPRequestHead,
        on channel: any Channel
    ) throws(UpgradeRefusal) -> HTTPHeaders {
        let headers = try Self.headers(for: request)
        guard self.origins.admits(request) else { throw .foreignOrigin }
        guard self.addresses?.admit(request, on: channel) ?? true else { throw .crowded }
        return headers
    }

    /// Gives a gate up when its request has not come by an instant, unless it is forgotten before.
    func expect(_ gate: UpgradeGate, until due: NIODeadline) -> Int {
        self.host.value.entrance.expect(gate, until: due)
    }

    func forget(_ arrival: Int) { self.host.value.entrance.forget(arrival) }

    func passSocket() { self.host.value.passSocket() }

    /// Whether a request that was granted becomes a socket at once, or the shard comes back to its gate.
    func knock(_ gate: UpgradeGate) -> Door.Answer { self.host.value.knock(gate) }

    /// Puts a client's socket behind what is in a pipeline.
    func addSocket(
        for request: HTTPRequestHead,
        to pipeline: ChannelPipeline.SynchronousOperations
    ) throws {
        let decoder = WebSocketFrameDecoder(maxFrameSize: ClientSocket.messageLimit)
        try pipeline.addHandler(ByteToMessageHandler(decoder))
        let dialect = Negotiation(request).dialect
        let socket = ClientSocket(host: self.host.value, dialect: dialect, meter: self.meter)
        try pipeline.addHandler(socket)
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

    /// Whether nothing in a request stands against its upgrade.
    static func isAcceptable(_ request: HTTPRequestHead) -> Bool {
        do throws(UpgradeRefusal) {
            _ = try Self.headers(for: request)
            return true
        } catch {
            return false
        }
    }

    private static func headers(
        for request: HTTPRequestHead
    ) throws(UpgradeRefusal) -> HTTPHeaders {
        guard request.uri.prefix(while: { $0 != "?" }) == Self.endpoint else {
            throw .notTheEndpoint
        }
        guard request.method == .GET, request.headers["Sec-WebSocket-Version"].first == "13",
            let key = Self.key(of: request)
        else { throw .badRequest }
        var headers = HTTPHeaders()
        let magic = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        let digest = Insecure.SHA1.hash(data: Array(magic.utf8))
        headers.add(name: "Upgrade", value: "websocket")
        headers.add(name: "Connection", value: "upgrade")
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
