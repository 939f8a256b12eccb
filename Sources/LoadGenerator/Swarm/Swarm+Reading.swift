import ChatCore
import ClientProtocol
import Glibc
import Histogram
import Kernel

/// What comes in: bytes to frames, frames to messages, messages to checks.
extension Swarm {
    func read(_ index: Int) throws(SystemError) {
        let carried = self.clients[index].unread.count
        if carried > 0 {
            // The rest of a frame is no longer than a frame, and the buffer is far longer than that.
            unsafe self.buffer.copyBytes(from: self.clients[index].unread)
            self.clients[index].unread.removeAll()
        }
        let space = unsafe UnsafeMutableRawBufferPointer(rebasing: self.buffer[carried...])
        let count = unsafe recv(self.clients[index].descriptor, space.baseAddress, space.count, 0)
        guard count > 0 else {
            if count < 0, errno == EAGAIN || errno == EINTR { return }
            self.end(index, "the server closed the connection without a goodbye")
            return
        }
        self.counts.readCalls += 1
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: self.buffer[..<(carried + count)])
        let used = unsafe try self.consume(index, bytes, at: Swarm.now)
        guard used < bytes.count, self.clients[index].phase != .closed else { return }
        unsafe self.clients[index].unread.append(contentsOf: bytes[used...])
    }

    /// Takes what is whole; returns how much that is.
    private func consume(
        _ index: Int,
        _ bytes: UnsafeRawBufferPointer,
        at now: UInt64
    ) throws(SystemError) -> Int {
        var position = 0
        if self.clients[index].phase == .upgrading {
            guard let end = unsafe Self.endOfHead(bytes) else { return 0 }
            guard unsafe bytes.starts(with: "HTTP/1.1 101 ".utf8) else {
                self.end(index, "the upgrade was refused")
                return 0
            }
            position = end
            self.clients[index].phase = .authenticating
            let request = ConnectRequest(token: self.tokens[self.clients[index].token])
            try self.command(index, ClientCommand(id: CommandID(1), method: .connect(request)))
        }
        while self.clients[index].phase != .closed {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[position...])
            guard let frame = unsafe ServerFrameHead(rest), rest.count >= frame.end else { break }
            let payload = unsafe UnsafeRawBufferPointer(rebasing: rest[frame.start..<frame.end])
            position += frame.end
            switch frame.opcode {
            case 0x1: try unsafe self.text(index, payload, at: now)
            case 0x8:
                let code = payload.count >= 2 ? unsafe Int(payload[0]) << 8 | Int(payload[1]) : 0
                self.end(index, "the server closed with code \(code)")
            default: self.end(index, "the server sent a frame with opcode \(frame.opcode)")
            }
        }
        return position
    }

    private static func endOfHead(_ bytes: UnsafeRawBufferPointer) -> Int? {
        let mark = Array("\r\n\r\n".utf8)
        guard bytes.count >= mark.count else { return nil }
        for start in 0...(bytes.count - mark.count) {
            let end = start + mark.count
            if unsafe bytes[start..<end].elementsEqual(mark) { return end }
        }
        return nil
    }

    private func text(
        _ index: Int,
        _ payload: UnsafeRawBufferPointer,
        at now: UInt64
    ) throws(SystemError) {
        var start = 0
        while start < payload.count, self.clients[index].phase != .closed {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: payload[start...])
            var length = rest.count
            if let base = rest.baseAddress, let found = unsafe memchr(base, 0x0a, rest.count) {
                length = unsafe UnsafeRawPointer(found) - base
            }
            let message = unsafe UnsafeRawBufferPointer(rebasing: rest[..<length])
            start += length + 1
            if unsafe !self.isKnown(index, message, at: now) {
                try unsafe self.decode(index, message, at: now)
            }
        }
    }

    /// Takes a message whose bytes are those of the next offset as another subscriber decoded it.
    private func isKnown(
        _ index: Int,
        _ message: UnsafeRawBufferPointer,
        at now: UInt64
    ) -> Bool {
        let stream = self.clients[index].stream
        guard !self.streams[stream].known.isEmpty else { return false }
        let next = self.clients[index].next
        let place = Int(next % Swarm.ringSize) % self.streams[stream].known.count
        let known = self.streams[stream].known[place]
        guard known.offset == next, known.bytes.count == message.count else { return false }
        let isSame = unsafe known.bytes.withUnsafeBytes { bytes in
            guard let mine = bytes.baseAddress, let theirs = message.baseAddress else {
                return false
            }
            return unsafe memcmp(mine, theirs, message.count) == 0
        }
        if isSame { self.take(index, stream, place, at: now) }
        return isSame
    }

    private func take(_ index: Int, _ stream: Int, _ place: Int, at now: UInt64) {
        self.clients[index].next += 1
        self.counts.delivered += 1
        self.streams[stream].known[place].left -= 1
        if self.streams[stream].known[place].left == 0 { self.counts.completed += 1 }
        let intended = self.streams[stream].known[place].intended
        self.latencies?.record(min((now - min(now, intended)) / 1_000, 60_000_000))
    }

    private func decode(
        _ index: Int,
        _ message: UnsafeRawBufferPointer,
        at now: UInt64
    ) throws(SystemError) {
        let bytes = unsafe Array(message)
        let decoded: ServerMessage?
        do throws(FrameError) {
            var decoder = ServerFrameDecoder()
            decoded = try decoder.next(in: bytes.span)
        } catch {
            self.end(index, "the server's message is malformed: \(error)")
            return
        }
        switch decoded {
        case .none: self.end(index, "an empty message")
        case .ping: try self.transmit(index, Array("{}".utf8))
        case .reply(let id, let reply): try self.reply(index, id, reply)
        case .push(let channel, .publication(let publication)):
            self.publication(index, bytes, channel, publication, at: now)
        case .push(_, .unsubscribe(let push)):
            self.end(index, "unsubscribed with code \(push.code)")
        case .push: self.end(index, "a push of another kind")
        }
    }

    private func publication(
        _ index: Int,
        _ bytes: [UInt8],
        _ channel: String,
        _ publication: Publication,
        at now: UInt64
    ) {
        let number = self.clients[index].stream
        let offset = publication.offset.rawValue
        let next = self.clients[index].next
        guard channel == self.streams[number].channel else {
            self.end(index, "a message of channel \(channel)")
            return
        }
        guard offset == next else {
            self.end(index, "offset \(offset) where \(next) was due")
            return
        }
        guard publication.data == self.body else {
            self.end(index, "offset \(offset) has another body than was sent")
            return
        }
        if self.streams[number].known.isEmpty {
            let size = self.streams[number].subscribers > 100 ? Int(Swarm.ringSize) : 256
            self.streams[number].known = Array(repeating: KnownMessage(), count: size)
        }
        let place = Int(offset % Swarm.ringSize) % self.streams[number].known.count
        let known = self.streams[number].known[place]
        guard known.offset != offset else {
            self.end(index, "offset \(offset) differs from what another subscriber received")
            return
        }
        guard known.left == 0 else {
            self.end(
                index,
                "a subscriber is too far behind to be judged, at offset \(known.offset)"
            )
            return
        }
        self.streams[number].known[place] = KnownMessage(
            offset: offset,
            bytes: bytes,
            intended: publication.messageID.flatMap(Self.intended) ?? 0,
            left: self.streams[number].subscribers
        )
        self.take(index, number, place, at: now)
    }

    private static func intended(_ id: String) -> UInt64? {
        id.split(separator: "-").last.flatMap { UInt64($0) }
    }

    private func reply(
        _ index: Int,
        _ id: CommandID,
        _ reply: ServerReply
    ) throws(SystemError) {
        let stream = self.clients[index].stream
        switch (self.clients[index].phase, reply) {
        case (.authenticating, .connected):
            self.clients[index].phase = .subscribing
            let request = SubscribeRequest(channel: self.streams[stream].channel)
            try self.command(index, ClientCommand(id: CommandID(2), method: .subscribe(request)))
        case (.subscribing, .subscribed(let result)):
            self.clients[index].phase = .ready
            self.clients[index].next = result.offset + 1
            self.streams[stream].subscribers += 1
            self.counts.ready += 1
        case (.ready, .rpc):
            self.counts.acknowledged += 1
            self.acknowledged.append(Int32(index))
        default:
            self.end(index, "command \(id.rawValue) was answered with \(reply)")
        }
    }

    private func command(_ index: Int, _ command: ClientCommand) throws(SystemError) {
        var bytes: [UInt8] = []
        ClientEncoder.append(command, into: &bytes)
        try self.transmit(index, bytes)
    }

    /// Sends a message whose id carries the time at which it was meant to be sent.
    package func send(from index: Int, intended: UInt64) throws(SystemError) {
        self.clients[index].command += 1
        self.counts.sent += 1
        let request = SendRequest(
            channel: self.streams[self.clients[index].stream].channel,
            id: "\(self.counts.sent)-\(intended)",
            body: self.body
        )
        let id = CommandID(self.clients[index].command)
        try self.command(index, ClientCommand(id: id, method: request.command))
    }
}

/// The head of a server's frame: unmasked, and whole.
struct ServerFrameHead {
    let opcode: UInt8
    let start: Int
    let end: Int

    /// `nil` if the head itself is not whole.
    @unsafe init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= 2 else { return nil }
        // Fragments and masked frames are none that this server sends: no opcode of theirs is known.
        let isPlain = unsafe bytes[0] & 0x80 != 0 && bytes[1] & 0x80 == 0
        self.opcode = unsafe isPlain ? bytes[0] & 0x7f : 0x7f
        let short = unsafe Int(bytes[1] & 0x7f)
        let lengthBytes = short == 126 ? 2 : short == 127 ? 8 : 0
        self.start = 2 + lengthBytes
        guard bytes.count >= self.start else { return nil }
        var length = lengthBytes == 0 ? short : 0
        for index in 2..<self.start { length = unsafe length << 8 | Int(bytes[index]) }
        self.end = self.start + length
    }
}
