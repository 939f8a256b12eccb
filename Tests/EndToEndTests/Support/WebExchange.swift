import Crypto
import Foundation

/// An HTTP response as it came.
struct WebAnswer {
    var status = 0
    /// By names in lower case.
    var headers: [String: String] = [:]
    var body: [UInt8] = []

    var text: String { String(decoding: self.body, as: UTF8.self) }
}

/// One HTTP exchange on a socket of its own.
final class WebExchange {
    let socket: RawSocket

    init(port: Int) throws { self.socket = try RawSocket(port: port) }

    /// Sends a head, with the body's length unless `headers` say otherwise.
    func send(_ method: String, _ url: String, _ headers: [String: String] = [:]) {
        var head = "\(method) \(url) HTTP/1.1\r\nHost: localhost\r\n"
        for (name, value) in headers.sorted(by: { $0.key < $1.key }) {
            head += "\(name): \(value)\r\n"
        }
        self.socket.send(head + "\r\n")
    }

    /// The response; a HEAD's has no body.
    func answer(hasBody: Bool = true) throws -> WebAnswer {
        let lines = try self.socket.text(through: "\r\n\r\n").split(separator: "\r\n")
        var answer = WebAnswer(status: Int(lines[0].dropFirst(9).prefix(3)) ?? 0)
        for line in lines.dropFirst() {
            let pair = line.split(separator: ":", maxSplits: 1)
            let value = pair.count > 1 ? pair[1].trimmingCharacters(in: .whitespaces) : ""
            answer.headers[pair[0].lowercased()] = value
        }
        let length = hasBody ? answer.headers["content-length"].flatMap { Int($0) } ?? 0 : 0
        while self.socket.received.count < length, self.socket.receive(milliseconds: 5000) {}
        answer.body = self.socket.take(min(length, self.socket.received.count))
        try hold(answer.body.count == length, "\(answer.body.count) of \(length) bytes came")
        return answer
    }

    static func put(
        port: Int,
        _ url: String,
        _ body: [UInt8],
        _ headers: [String: String] = [:]
    ) throws -> WebAnswer {
        let exchange = try WebExchange(port: port)
        var headers = headers
        if headers["Transfer-Encoding"] == nil, headers["Content-Length"] == nil {
            headers["Content-Length"] = "\(body.count)"
        }
        exchange.send("PUT", url, headers)
        exchange.socket.send(body)
        return try exchange.answer()
    }

    static func get(
        port: Int,
        _ url: String,
        _ headers: [String: String] = [:]
    ) throws -> WebAnswer {
        let exchange = try WebExchange(port: port)
        exchange.send("GET", url, headers)
        return try exchange.answer()
    }
}

/// What a test puts, and how it is named.
struct SampleFile {
    let bytes: [UInt8]
    let hash: String

    /// `count` bytes that `seed` draws.
    init(_ count: Int, seed: UInt64 = 1) {
        var state = seed
        self.bytes = (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 33)
        }
        self.hash = SHA256.hash(data: self.bytes).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }
}

extension ChatPeer {
    /// The ticket for a file, or the error.
    func ticket(
        _ channel: String,
        _ file: SampleFile,
        type: String = "image/png"
    ) throws -> [String: Any] {
        try self.rpc(
            "media.ticket",
            "\"channel\":\"\(channel)\",\"size\":\(file.bytes.count),\"type\":\"\(type)\","
                + "\"sha256\":\"\(file.hash)\""
        )
    }

    func putURL(_ channel: String, _ file: SampleFile, type: String = "image/png") throws -> String
    {
        let ticket = try self.ticket(channel, file, type: type)
        guard let url = ticket["put_url"] as? String else {
            throw Broken(description: "a ticket is given: \(ticket)")
        }
        return url
    }

    func getURL(_ channel: String, _ file: SampleFile) throws -> String {
        let answer = try self.rpc(
            "media.url",
            "\"channel\":\"\(channel)\",\"sha256\":\"\(file.hash)\""
        )
        guard let url = answer["get_url"] as? String else {
            throw Broken(description: "a URL is given: \(answer)")
        }
        return url
    }
}

extension ServerProcess {
    /// Serves members' conversations, with these settings of `media`.
    func takeMedia(_ settings: String = "true") throws {
        let file = self.directory.appending(path: "media.yaml")
        try """
        namespaces: [{ name: c, membership: true }, { name: open }]
        drainOver: 1 s
        media: \(settings)
        """.write(to: file, atomically: true, encoding: .utf8)
        self.options += ["--config", file.path(percentEncoded: false)]
    }

    /// Names of the files below a folder of `media`.
    func media(_ folder: String) throws -> [String] {
        let path = self.data + "/media/" + folder
        return try FileManager.default.subpathsOfDirectory(atPath: path).filter {
            !$0.hasSuffix("/") && $0.utf8.count > 3
        }
    }
}
