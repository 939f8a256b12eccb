import Foundation
import Testing

extension Hostile {
    /// Files by upload ticket, over HTTP and over the deaths of the server.
    struct MediaTests {
        /// A running server with a conversation of ann and ben.
        private struct Stage {
            let server: ServerProcess
            var ann: ChatPeer
            var ben: ChatPeer
            let channel: String
            var port: Int { self.server.port }

            init(_ settings: String = "true") throws {
                self.server = try ServerProcess()
                try self.server.takeMedia(settings)
                try self.server.start()
                self.ann = try ChatPeer(port: self.server.port, user: "ann")
                self.ben = try ChatPeer(port: self.server.port, user: "ben")
                self.channel = try self.ann.create("album", members: "\"ben\"")
            }

            /// After another start.
            mutating func meetAgain() throws {
                self.ann = try ChatPeer(port: self.port, user: "ann")
                self.ben = try ChatPeer(port: self.port, user: "ben")
            }

            func expectNothingLeft(_ files: Int = 0) throws {
                for _ in 0..<100 where try !self.server.media("uploads").isEmpty {
                    pause(milliseconds: 20)
                }
                let (uploads, kept) =
                    (try self.server.media("uploads"), try self.server.media("files"))
                try hold(uploads.isEmpty, "nothing of uploads is left: \(uploads)")
                try hold(kept.count == files, "\(files) files are kept: \(kept)")
            }
        }

        @Test func `a member gets what another has put, also after kill -9`() async throws {
            try await expectHolds("true") { settings in
                var stage = try Stage(settings)
                let file = SampleFile(300_001)
                let ticket = try stage.ann.ticket(stage.channel, file)
                guard let put = ticket["put_url"] as? String,
                    let get = ticket["get_url"] as? String,
                    let expires = ticket["expires"] as? Double
                else { throw Broken(description: "a ticket has its fields: \(ticket)") }
                let life = expires - Date().timeIntervalSince1970
                try hold(life > 500 && life < 700, "ten minutes: \(life)")
                try hold(
                    try WebExchange.get(port: stage.port, get).status == 404,
                    "not there before it is put"
                )
                let type = ["Content-Type": "image/png"]
                let kept = try WebExchange.put(port: stage.port, put, file.bytes, type)
                try hold(kept.status == 201, "\(kept)")
                stage.server.kill()
                try stage.server.start()
                try stage.meetAgain()
                for url in [get, try stage.ben.getURL(stage.channel, file)] {
                    let got = try WebExchange.get(port: stage.port, url)
                    try hold(got.status == 200 && got.body == file.bytes, "\(got.status)")
                    try hold(got.headers["content-type"] == "image/png", "\(got.headers)")
                    try hold(got.headers["x-content-type-options"] == "nosniff", "\(got.headers)")
                    try hold(got.headers["content-disposition"] == "attachment", "\(got.headers)")
                }
                try Self.expectParts(of: file, at: get, port: stage.port)
                let again = try stage.ben.ticket(stage.channel, file)
                try hold(again["stored"] as? Bool == true, "it need not be put: \(again)")
                try hold(stage.server.stop() == 0, "SIGTERM ends with 0")
                try stage.expectNothingLeft(1)
            }
        }

        private static func expectParts(
            of file: SampleFile,
            at url: String,
            port: Int
        ) throws {
            let head = try WebExchange(port: port)
            head.send("HEAD", url)
            let answer = try head.answer(hasBody: false)
            try hold(answer.status == 200, "\(answer)")
            try hold(answer.headers["content-length"] == "\(file.bytes.count)", "\(answer)")
            // The same connection serves what comes next.
            for (range, part) in [
                ("bytes=0-9", 0..<10), ("bytes=299990-", 299_990..<300_001),
                ("bytes=-5", 299_996..<300_001), ("bytes=100-9999999", 100..<300_001),
            ] {
                head.send("GET", url, ["Range": range])
                let answer = try head.answer()
                try hold(answer.status == 206, "\(range): \(answer.status)")
                try hold(answer.body == Array(file.bytes[part]), range)
                let bounds = "bytes \(part.lowerBound)-\(part.upperBound - 1)/300001"
                try hold(answer.headers["content-range"] == bounds, "\(answer.headers)")
            }
            head.send("GET", url, ["Range": "bytes=300001-"])
            try hold(try head.answer().status == 416, "nothing is beyond the end")
            for range in ["bytes=5-2", "bytes=a-b", "bytes=0-1,3-4", "lines=1-2"] {
                head.send("GET", url, ["Range": range])
                let whole = try head.answer()
                try hold(whole.status == 200 && whole.body == file.bytes, range)
            }
            head.send("GET", "/health")
            try hold(try head.answer().status == 200, "and plain requests")
        }

        @Test func `what is not the ticket's file is refused, and leaves nothing`() async throws {
            try await expectHolds("{ size: 100000, types: [image/png, text/*] }") { settings in
                let stage = try Stage(settings)
                let file = SampleFile(100_000)
                let url = try stage.ann.putURL(stage.channel, file)
                func put(_ bytes: [UInt8], _ headers: [String: String] = [:]) throws -> Int {
                    try WebExchange.put(port: stage.port, url, bytes, headers).status
                }
                var wrong = file.bytes
                wrong[99_999] ^= 1
                try hold(try put(wrong) == 422, "another content")
                try hold(try put(file.bytes + [0]) == 413, "too long")
                try hold(try put(file.bytes.dropLast()) == 400, "too short")
                try hold(try put(file.bytes, ["Content-Type": "text/html"]) == 415, "type")
                try hold(try put(file.bytes, ["Content-Encoding": "gzip"]) == 415, "coding")
                try hold(try put([], ["Content-Range": "bytes 0-9/20"]) == 400, "a part")
                let chunked = ["Transfer-Encoding": "chunked"]
                func chunks(_ bytes: [UInt8]) -> [UInt8] {
                    Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes
                        + Array("\r\n0\r\n\r\n".utf8)
                }
                try hold(try put(chunks(file.bytes + [0]), chunked) == 413, "longer on the way")
                try hold(try put(chunks(Array(file.bytes.dropLast())), chunked) == 400, "shorter")
                // Refused at once, long before the body has come.
                let early = try WebExchange(port: stage.port)
                early.send("PUT", url, ["Content-Length": "1000000000"])
                try hold(try early.answer().status == 413, "before any of it has come")
                try stage.expectNothingLeft()
                try hold(try put(chunks(file.bytes), chunked) == 201, "and the right one is kept")
                stage.ann.expectTicket(1413, stage.channel, SampleFile(100_001))
                stage.ann.expectTicket(1415, stage.channel, SampleFile(10), type: "image/gif")
                stage.ann.expectTicket(107, stage.channel, SampleFile(0))
                stage.ann.expectTicket(108, "open:1", SampleFile(10))
                stage.ann.expectTicket(102, "none:1", SampleFile(10))
                _ = try stage.ann.putURL(stage.channel, SampleFile(10), type: "text/css; a=b")
                try stage.expectNothingLeft(1)
                try hold(stage.server.stop() == 0, "SIGTERM ends with 0")
            }
        }

        @Test func `no URL opens anything but what a member was given`() async throws {
            try await expectHolds("true") { settings in
                let stage = try Stage(settings)
                let file = SampleFile(1_000)
                let put = try stage.ann.putURL(stage.channel, file)
                try hold(
                    try WebExchange.put(port: stage.port, put, file.bytes).status == 201,
                    "it is put"
                )
                let get = try stage.ben.getURL(stage.channel, file)
                var forged: [String] = [
                    "/media/", "/media", "/media/../parley.sqlite", "/media/%2e%2e/parley.sqlite",
                    "/media/files/\(file.hash.prefix(2))/\(file.hash)", "/media/index.sqlite",
                    "\(get)&sig=\(get.suffix(64))", get.replacing("&sig=", with: "&SIG="),
                    String(get.prefix { $0 != "?" }), put, get + "0", String(get.dropLast(2)),
                ]
                let end = get.utf8.count - 70
                for index in stride(from: 7, to: end, by: 5) {
                    var bytes = Array(get.utf8)
                    bytes[index] = bytes[index] == UInt8(ascii: "1") ? 0x32 : 0x31
                    if bytes != Array(get.utf8) {
                        forged.append(String(decoding: bytes, as: UTF8.self))
                    }
                }
                for url in forged {
                    let answer = try WebExchange.get(port: stage.port, url)
                    let isRefused = answer.status == 403 || url == "/media" && answer.status == 404
                    try hold(isRefused, "\(url): \(answer)")
                }
                try hold(
                    try WebExchange.put(port: stage.port, get, file.bytes).status == 403,
                    "a URL to get is none to put"
                )
                let post = try WebExchange(port: stage.port)
                post.send("POST", put, ["Content-Length": "0"])
                try hold(try post.answer().status == 405, "only PUT puts")
                // A stranger learns nothing, whether the file is there or not.
                let cid = try ChatPeer(port: stage.port, user: "cid")
                for sample in [file, SampleFile(5, seed: 9)] {
                    cid.expectTicket(1403, stage.channel, sample)
                    try cid.expect(
                        1403,
                        "media.url",
                        "\"channel\":\"\(stage.channel)\",\"sha256\":\"\(sample.hash)\""
                    )
                }
                // Nor does a member of another conversation.
                let other = try stage.ann.create("other")
                try stage.ann.expect(
                    1404,
                    "media.url",
                    "\"channel\":\"\(other)\",\"sha256\":\"\(file.hash)\""
                )
                // Who is removed has nothing more, not even with a URL from before.
                let ticket = try stage.ben.putURL(stage.channel, SampleFile(7))
                try hold(try WebExchange.get(port: stage.port, get).status == 200, "ben is in")
                try stage.ann.rpc(
                    "chat.remove",
                    "\"channel\":\"\(stage.channel)\",\"id\":\"out\",\"user\":\"ben\""
                )
                try hold(try WebExchange.get(port: stage.port, get).status == 403, "ben is out")
                let late = try WebExchange.put(port: stage.port, ticket, SampleFile(7).bytes)
                try hold(late.status == 403, "\(late)")
                stage.ben.expectTicket(1403, stage.channel, file)
                try hold(stage.server.stop() == 0, "SIGTERM ends with 0")
            }
        }
    }
}

extension ChatPeer {
    /// Notes an issue unless the ticket is refused with a code.
    func expectTicket(
        _ code: Int,
        _ channel: String,
        _ file: SampleFile,
        type: String = "image/png"
    ) {
        do {
            let answer = try self.ticket(channel, file, type: type)
            if answer["code"] as? Int != code {
                Issue.record("\(channel), \(type) gives \(code): \(answer)")
            }
        } catch {
            Issue.record("\(error)")
        }
    }
}
