import ClientProtocol
import NIOCore
import NIOHTTP1
import Synchronization

/// A part of a file that a client asks for.
struct ByteRange: Equatable, Sendable {
    var start: UInt64
    /// Exclusive.
    var end: UInt64

    enum Reading: Equatable {
        case whole
        case part(ByteRange)
        case unsatisfiable
    }

    /// Reads the header `Range` about a file of `size` bytes; what it does not understand, or several
    /// parts, asks for the whole file (RFC 9110, section 14.2).
    static func read(_ header: String?, size: UInt64) -> Reading {
        guard let header, header.lowercased().hasPrefix("bytes="), !header.contains(",") else {
            return .whole
        }
        let ends = header.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2,
            ends.allSatisfy({ $0.utf8.allSatisfy { 0x30...0x39 ~= $0 } && $0.utf8.count < 20 })
        else { return .whole }
        switch (UInt64(ends[0]), UInt64(ends[1])) {
        case (nil, nil): return .whole
        case (nil, let count?):
            guard count > 0, size > 0 else { return .unsatisfiable }
            return .part(ByteRange(start: size - min(count, size), end: size))
        case (let start?, let last):
            if let last, last < start { return .whole }
            guard start < size else { return .unsatisfiable }
            return .part(ByteRange(start: start, end: min(last.map { $0 + 1 } ?? size, size)))
        }
    }
}

/// The way of a file from the disk to a socket.
extension MediaRequests {
    private static let chunk = 65_536

    func fetch(_ context: ChannelHandlerContext, _ pass: MediaPass) {
        let (desk, ordinal) = (self.desk, self.ordinal)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        desk.run(on: context.eventLoop) { try desk.open(get: pass) }
            .whenComplete { result in
                let (requests, context) = bound.value
                guard requests.ordinal == ordinal else { return }
                switch result {
                case .success(let (file, entry)): requests.send(file, entry, context)
                case .failure(let error): requests.fail(error, context)
                }
            }
    }

    private func send(
        _ file: DownloadFile,
        _ entry: MediaBooks.Entry,
        _ context: ChannelHandlerContext
    ) {
        let tag = "\"\(self.pass?.hash.text ?? "")\""
        let isSame = self.head.headers["If-Range"].first.map { $0 == tag } ?? true
        let wish = isSame ? self.head.headers["Range"].first : nil
        var headers: HTTPHeaders = [
            "ETag": tag, "Accept-Ranges": "bytes", "Content-Disposition": "attachment",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "private, max-age=31536000, immutable",
        ]
        var range = ByteRange(start: 0, end: entry.size)
        var status = HTTPResponseStatus.ok
        switch ByteRange.read(wish, size: entry.size) {
        case .whole: break
        case .part(let part):
            range = part
            status = .partialContent
            let bounds = "bytes \(part.start)-\(part.end - 1)/\(entry.size)"
            headers.add(name: "Content-Range", value: bounds)
        case .unsatisfiable:
            headers = ["Content-Range": "bytes */\(entry.size)"]
            self.respond(.rangeNotSatisfiable, headers, "", context)
            return
        }
        headers.add(name: "Content-Type", value: entry.type)
        headers.add(name: "Content-Length", value: String(range.end - range.start))
        self.write(status, headers, context)
        guard self.head.method != .HEAD else {
            self.conclude(context)
            return
        }
        self.phase = .sending(file)
        self.keepPace(context)
        self.sendNext(range, context)
    }

    /// One piece after the other, each when the socket has taken the one before.
    private func sendNext(_ range: ByteRange, _ context: ChannelHandlerContext) {
        guard case .sending(let file) = self.phase else { return }
        guard range.start < range.end else {
            self.conclude(context)
            return
        }
        let count = Int(min(UInt64(Self.chunk), range.end - range.start))
        let ordinal = self.ordinal
        self.isWriting = true
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        self.desk.run(on: context.eventLoop) { try file.bytes(from: range.start, limit: count) }
            .whenComplete { result in
                let (requests, context) = bound.value
                guard requests.ordinal == ordinal else { return }
                requests.isWriting = false
                switch result {
                case .success(let bytes) where !bytes.isEmpty:
                    requests.send(bytes, of: range, context)
                case .success, .failure:
                    // Its head has gone out, so an end before the last byte is all that can tell.
                    context.close(promise: nil)
                }
            }
    }

    private func send(_ bytes: [UInt8], of range: ByteRange, _ context: ChannelHandlerContext) {
        let ordinal = self.ordinal
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let body = context.channel.allocator.buffer(bytes: bytes)
        context.writeAndFlush(self.wrapOutboundOut(.body(.byteBuffer(body)))).whenSuccess {
            let (requests, context) = bound.value
            guard requests.ordinal == ordinal else { return }
            requests.moved += bytes.count
            let count = UInt64(bytes.count)
            requests.desk.statistics.downloadedBytes.add(count, ordering: .relaxed)
            requests.sendNext(ByteRange(start: range.start + count, end: range.end), context)
        }
    }
}
