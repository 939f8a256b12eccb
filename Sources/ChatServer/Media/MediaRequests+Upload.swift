import ClientProtocol
import Foundation
import NIOCore
import NIOHTTP1

/// What the head of an upload may say.
enum UploadHead {
    /// Refuses what cannot become the file of the ticket, before any of it has come.
    static func check(_ head: HTTPRequestHead, _ pass: MediaPass) throws(MediaRefusal) {
        guard case .put(let size, let type) = pass.purpose else { throw .forbidden }
        if let given = head.headers["Content-Type"].first {
            guard MediaType(given)?.essence == MediaType(type)?.essence else {
                throw MediaRefusal(.unsupportedMediaType, "expected Content-Type: \(type)")
            }
        }
        if let coding = head.headers["Content-Encoding"].first, coding.lowercased() != "identity" {
            throw MediaRefusal(.unsupportedMediaType, "expected no Content-Encoding")
        }
        guard !head.headers.contains(name: "Content-Range") else {
            throw MediaRefusal(.badRequest, "expected no Content-Range: the file comes whole")
        }
        guard let text = head.headers["Content-Length"].first else { return }
        guard let length = UInt64(text), length <= size else {
            throw MediaRefusal(.payloadTooLarge, "\(text) bytes; expected \(size)")
        }
        guard length == size else {
            throw MediaRefusal(.badRequest, "\(text) bytes; expected \(size)")
        }
    }
}

/// The way of a file from a socket to the disk.
extension MediaRequests {
    private var size: UInt64 {
        guard case .put(let size, _) = self.pass?.purpose else { return 0 }
        return size
    }

    func ask(_ context: ChannelHandlerContext, _ pass: MediaPass) {
        let (desk, ordinal, size) = (self.desk, self.ordinal, self.size)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        desk.run(on: context.eventLoop) { try desk.open(put: pass, size: size) }
            .whenComplete { result in
                let (requests, context) = bound.value
                guard requests.ordinal == ordinal else {
                    if case .success(let upload) = result { desk.discard(upload) }
                    return
                }
                switch result {
                case .success(let upload): requests.receive(upload, context)
                case .failure(let error): requests.fail(error, context)
                }
            }
    }

    private func receive(_ upload: UploadFile, _ context: ChannelHandlerContext) {
        self.phase = .receiving(upload)
        self.keepPace(context)
        let expects = self.head.headers["Expect"].contains { $0.lowercased() == "100-continue" }
        if expects, self.received == 0, !self.hasEnded {
            let head = HTTPResponseHead(version: self.head.version, status: .continue)
            context.writeAndFlush(self.wrapOutboundOut(.head(head)), promise: nil)
        }
        self.pump(context)
        self.readAgain(context)
    }

    func fail(_ error: any Error, _ context: ChannelHandlerContext) {
        guard let refusal = error as? MediaRefusal else {
            preconditionFailure("the desk gives its reasons")
        }
        self.refuse(refusal, context)
    }

    func take(_ part: ByteBuffer, _ context: ChannelHandlerContext) {
        self.received += UInt64(part.readableBytes)
        self.moved += part.readableBytes
        guard self.received <= self.size else {
            let text = "more than \(self.size) bytes; expected no more"
            self.refuse(MediaRefusal(.payloadTooLarge, text), context)
            return
        }
        self.waiting += part.readableBytesView
        self.pump(context)
    }

    /// Has what waits written, piece by piece, and all of it kept at the end.
    func pump(_ context: ChannelHandlerContext) {
        guard case .receiving(let upload) = self.phase, !self.isWriting else { return }
        guard self.waiting.isEmpty else {
            self.append(upload, context)
            return
        }
        guard self.hasEnded else { return }
        guard self.received == self.size else {
            let text = "\(self.received) bytes came; expected \(self.size)"
            self.refuse(MediaRefusal(.badRequest, text), context)
            return
        }
        self.keep(upload, context)
    }

    private func append(_ upload: UploadFile, _ context: ChannelHandlerContext) {
        let (bytes, ordinal) = (self.waiting, self.ordinal)
        self.waiting = []
        self.isWriting = true
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        self.desk.run(on: context.eventLoop) { try upload.append(bytes) }
            .whenComplete { result in
                let (requests, context) = bound.value
                guard requests.ordinal == ordinal else { return }
                requests.isWriting = false
                switch result {
                case .success:
                    requests.pump(context)
                    requests.readAgain(context)
                case .failure(let error): requests.fail(error, context)
                }
            }
    }

    private func keep(_ upload: UploadFile, _ context: ChannelHandlerContext) {
        guard let pass = self.pass, case .put(let size, let type) = pass.purpose else {
            preconditionFailure("an upload has its pass")
        }
        self.phase = .keeping
        let (desk, ordinal) = (self.desk, self.ordinal)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        desk.run(on: context.eventLoop) {
            defer { desk.discard(upload) }
            return try desk.keep(upload, pass, size, type)
        }.whenComplete { result in
            let (requests, context) = bound.value
            guard requests.ordinal == ordinal else { return }
            switch result {
            case .success(let isNew): requests.respond(isNew ? .created : .ok, [:], "", context)
            case .failure(let error): requests.fail(error, context)
            }
        }
    }
}
