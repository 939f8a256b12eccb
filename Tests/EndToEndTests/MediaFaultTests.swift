import Foundation
import Synchronization
import Testing

extension Hostile {
    /// Uploads that die, dawdle, come again or come all at once, and disks that are full or forget.
    struct MediaFaultTests {
        /// What many threads were answered.
        private final class Statuses: Sendable {
            private let found = Mutex<[Int]>([])

            func add(_ status: Int) { self.found.withLock { $0.append(status) } }
            var all: [Int] { self.found.withLock { $0 } }
        }

        private struct Stage {
            let server: ServerProcess
            let channel: String
            var ann: ChatPeer

            init(_ settings: String = "true", _ server: ServerProcess) throws {
                self.server = server
                try server.takeMedia(settings)
                try server.start()
                self.ann = try ChatPeer(port: server.port, user: "ann")
                self.channel = try self.ann.create("album")
            }

            func put(_ file: SampleFile) throws -> Int {
                let url = try self.ann.putURL(self.channel, file)
                return try WebExchange.put(port: self.server.port, url, file.bytes).status
            }

            func expectKept(_ file: SampleFile) throws {
                let url = try self.ann.getURL(self.channel, file)
                let got = try WebExchange.get(port: self.server.port, url)
                try hold(got.status == 200 && got.body == file.bytes, "\(got.status)")
            }
        }

        @Test func `kill -9 in the middle of an upload leaves nothing`() async throws {
            try await expectHolds("true") { settings in
                let server = try ServerProcess()
                var stage = try Stage(settings, server)
                let file = SampleFile(2 << 20)
                let url = try stage.ann.putURL(stage.channel, file)
                let upload = try WebExchange(port: server.port)
                upload.send("PUT", url, ["Content-Length": "\(file.bytes.count)"])
                upload.socket.send(Array(file.bytes.prefix(1 << 20)))
                for _ in 0..<100 where try server.media("uploads").isEmpty {
                    pause(milliseconds: 20)
                }
                try hold(try server.media("uploads").count == 1, "it is on its way")
                server.kill()
                try hold(try server.media("uploads").count == 1, "half of it is left")
                // As after a death between the file's name and its row, and one after its row.
                let kept = SampleFile(500, seed: 3)
                try server.start()
                stage.ann = try ChatPeer(port: server.port, user: "ann")
                try hold(try stage.put(kept) == 201, "one that stays")
                server.kill()
                let orphan = SampleFile(400, seed: 4)
                for (sample, isNew) in [(orphan, true), (kept, false)] {
                    let folder = server.data + "/media/files/" + sample.hash.prefix(2)
                    try FileManager.default.createDirectory(
                        atPath: folder,
                        withIntermediateDirectories: true
                    )
                    let bytes = Data(sample.bytes)
                    if isNew { try bytes.write(to: URL(filePath: "\(folder)/\(sample.hash)")) }
                    let left = server.data + "/media/uploads/\(sample.hash)-left"
                    try bytes.write(to: URL(filePath: left))
                }
                try server.start()
                let left = try server.media("uploads")
                try hold(left.isEmpty, "the start takes it away: \(left)")
                let files = try server.media("files")
                try hold(files.count == 1, "and what has no row: \(files)")
                stage.ann = try ChatPeer(port: server.port, user: "ann")
                try stage.expectKept(kept)
                try hold(
                    try WebExchange.put(port: server.port, url, file.bytes).status == 201,
                    "the ticket still holds"
                )
                try stage.expectKept(file)
                try hold(server.stop() == 0, "SIGTERM ends with 0")
            }
        }

        @Test func `a ticket ends, and used twice it keeps once`() async throws {
            try await expectHolds("{ ticketLife: 2 s, urlLife: 2 s }") { settings in
                let server = try ServerProcess()
                let stage = try Stage(settings, server)
                let file = SampleFile(5_000)
                let ticket = try stage.ann.ticket(stage.channel, file)
                guard let url = ticket["put_url"] as? String, let get = ticket["get_url"] as? String
                else { throw Broken(description: "\(ticket)") }
                let first = try WebExchange.put(port: server.port, url, file.bytes).status
                let second = try WebExchange.put(port: server.port, url, file.bytes).status
                try hold((first, second) == (201, 200), "\(first), \(second)")
                let wrong = SampleFile(5_000, seed: 2).bytes
                let third = try WebExchange.put(port: server.port, url, wrong).status
                try hold(third == 422, "\(third)")
                try hold(try server.media("files").count == 1, "it stands once")
                pause(milliseconds: 2100)
                let late = try WebExchange.put(port: server.port, url, file.bytes)
                try hold(late.status == 403 && late.text.contains("time"), "\(late)")
                try hold(try WebExchange.get(port: server.port, get).status == 403, "get")
                try stage.expectKept(file)
                try hold(server.stop() == 0, "SIGTERM ends with 0")
            }
        }

        @Test func `fifty files come at once, and the server stays small`() async throws {
            try await expectHolds(50) { count in
                let server = try ServerProcess()
                let stage = try Stage("true", server)
                let files = (0..<count).map { SampleFile(1 << 20, seed: UInt64($0 + 1)) }
                let urls = try files.map { try stage.ann.putURL(stage.channel, $0) }
                let before = try server.residentMebibytes()
                let statuses = Statuses()
                let port = server.port
                let group = DispatchGroup()
                for (url, file) in zip(urls, files) {
                    group.enter()
                    Thread.detachNewThread {
                        do {
                            let answer = try WebExchange.put(port: port, url, file.bytes)
                            statuses.add(answer.status)
                        } catch {
                            statuses.add(0)
                        }
                        group.leave()
                    }
                }
                group.wait()
                let all = statuses.all
                try hold(all.count == count && all.allSatisfy { $0 == 201 }, "\(all)")
                let grown = try server.residentMebibytes() - before
                try hold(grown < 45, "\(count) MiB came, and \(grown) MiB are kept in memory")
                for file in files { try stage.expectKept(file) }
                let metrics = try WebExchange.get(port: port, "/metrics").text
                try hold(metrics.contains("parley_media_uploads_total \(count)\n"), metrics)
                try hold(metrics.contains("parley_media_exchanges 0\n"), metrics)
                try hold(server.stop() == 0, "SIGTERM ends with 0")
            }
        }

        @Test func `a slow upload is ended, and one that waits for a word gets it`() async throws {
            try await expectHolds("{ patience: 1 s }") { settings in
                let server = try ServerProcess()
                let stage = try Stage(settings, server)
                let file = SampleFile(200_000)
                let url = try stage.ann.putURL(stage.channel, file)
                for drops in [0, 4] {
                    let start = Date()
                    let slow = try WebExchange(port: server.port)
                    slow.send("PUT", url, ["Content-Length": "200000"])
                    for index in 0..<drops {
                        slow.socket.send([file.bytes[index]])
                        pause(milliseconds: 200)
                    }
                    let answer = try slow.answer()
                    let waited = Date().timeIntervalSince(start)
                    try hold(answer.status == 408 && waited < 3, "\(answer), \(waited) s")
                }
                let gone = try WebExchange(port: server.port)
                gone.send("PUT", url, ["Content-Length": "200000"])
                gone.socket.send(Array(file.bytes.prefix(1000)))
                let polite = try WebExchange(port: server.port)
                polite.send("PUT", url, ["Content-Length": "200000", "Expect": "100-continue"])
                try hold(try polite.answer().status == 100, "go on")
                polite.socket.send(file.bytes)
                try hold(try polite.answer().status == 201, "and it is kept")
                for _ in 0..<100 where try !server.media("uploads").isEmpty {
                    pause(milliseconds: 20)
                }
                let left = try server.media("uploads")
                try hold(left.isEmpty, "nothing is left of the slow: \(left)")
                try hold(server.stop() == 0, "SIGTERM ends with 0")
            }
        }

        @Test func `a user keeps no more than a share, and may give it back`() async throws {
            try await expectHolds("{ perUser: 100000 }") { settings in
                let server = try ServerProcess()
                let stage = try Stage(settings, server)
                let files = (1...3).map { SampleFile(40_000, seed: $0) }
                let urls = try files.map { try stage.ann.putURL(stage.channel, $0) }
                let statuses = try zip(urls, files).map {
                    try WebExchange.put(port: server.port, $0, $1.bytes).status
                }
                try hold(statuses == [201, 201, 413], "\(statuses)")
                stage.ann.expectTicket(106, stage.channel, files[2])
                let named = "\"channel\":\"\(stage.channel)\",\"sha256\":\"\(files[0].hash)\""
                let cid = try ChatPeer(port: server.port, user: "cid")
                try cid.expect(1403, "media.drop", named)
                let dropped = try stage.ann.rpc("media.drop", named)
                try hold(dropped.isEmpty, "\(dropped)")
                try stage.ann.expect(1404, "media.drop", named)
                try stage.ann.expect(1404, "media.url", named)
                try hold(try server.media("files").count == 1, "its file is gone")
                try hold(try stage.put(files[2]) == 201, "there is space again")
                // The same content in two conversations is one file, until both have dropped it.
                let other = try stage.ann.create("other")
                _ = try stage.ann.rpc(
                    "media.drop",
                    named.replacing(files[0].hash, with: files[1].hash)
                )
                let url = try stage.ann.putURL(other, files[2])
                let again = try WebExchange.put(port: server.port, url, files[2].bytes).status
                try hold(again == 201, "\(again)")
                try hold(try server.media("files").count == 1, "one file for both")
                _ = try stage.ann.rpc(
                    "media.drop",
                    named.replacing(files[0].hash, with: files[2].hash)
                )
                let left = try stage.ann.getURL(other, files[2])
                try hold(try WebExchange.get(port: server.port, left).status == 200, "still there")
                try hold(server.stop() == 0, "SIGTERM ends with 0")
            }
        }

        private static func forgetful(_ server: ServerProcess, lies: Bool = false) throws -> String
        {
            let mirror = server.directory.appending(path: "mirror").path(percentEncoded: false)
            try FileManager.default.createDirectory(
                atPath: mirror,
                withIntermediateDirectories: true
            )
            server.environment = [
                "LD_PRELOAD": try PowerCutTests.disk(in: server.directory),
                "PARLEY_DISK": server.data, "PARLEY_MIRROR": mirror,
                "PARLEY_DISK_FULL": server.directory.appending(path: "full")
                    .path(percentEncoded: false),
            ]
            if lies { server.environment["PARLEY_DISK_LIES"] = "1" }
            return mirror
        }

        @Test func `a full disk takes no file, says so, and heals`() async throws {
            try await expectHolds("true") { settings in
                let server = try ServerProcess()
                _ = try Self.forgetful(server)
                let stage = try Stage(settings, server)
                let file = SampleFile(100_000)
                let url = try stage.ann.putURL(stage.channel, file)
                let flag = try #require(server.environment["PARLEY_DISK_FULL"])
                try hold(FileManager.default.createFile(atPath: flag, contents: nil), "a flag")
                for _ in 0..<3 {
                    let full = try WebExchange.put(port: server.port, url, file.bytes)
                    try hold(full.status == 507, "\(full)")
                }
                try FileManager.default.removeItem(atPath: flag)
                for _ in 0..<100 where try !server.media("uploads").isEmpty {
                    pause(milliseconds: 20)
                }
                try hold(try server.media("files").isEmpty, "nothing is left")
                try hold(try server.media("uploads").isEmpty, "nothing is left")
                try hold(
                    try WebExchange.put(port: server.port, url, file.bytes).status == 201,
                    "the place comes back"
                )
                try stage.expectKept(file)
                try hold(server.stop() == 0, "SIGTERM ends with 0")
            }
        }

        /// Files that were answered with 201 and are not whole after the power has failed.
        private static func lost(lies: Bool) throws -> Int {
            let server = try ServerProcess()
            let mirror = try Self.forgetful(server, lies: lies)
            var stage = try Stage("true", server)
            let files = (1...6).map { SampleFile(70_000, seed: $0) }
            for file in files { try hold(try stage.put(file) == 201, "it is kept") }
            server.kill()
            server.environment = [:]
            try FileManager.default.removeItem(atPath: server.data)
            try FileManager.default.moveItem(atPath: mirror, toPath: server.data)
            try server.start()
            // The log may have lost the conversation itself, on a disk that lies.
            stage.ann = try ChatPeer(port: server.port, user: "ann")
            return files.count { file in
                do {
                    try stage.expectKept(file)
                    return false
                } catch {
                    return true
                }
            }
        }

        @Test func `a file that was answered with 201 is whole after a power cut`() async throws {
            try await expectHolds(false) { lies in
                let lost = try Self.lost(lies: lies)
                try hold(lost == 0, "\(lost) files are lost")
            }
        }

        /// The planted fault; such a disk may also keep the server from starting.
        @Test func `a disk that lies about its syncs is found out by files too`() async throws {
            try await expectHolds(true) { lies in
                do {
                    let lost = try Self.lost(lies: lies)
                    try hold(lost > 0, "the loss is seen")
                } catch let broken as Broken where broken.description.contains("cannot start") {
                    return
                }
            }
        }
    }
}
