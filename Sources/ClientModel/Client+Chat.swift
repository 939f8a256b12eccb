import BasicContainers
package import ChatCore
package import Kernel

/// What a device shows of one conversation beside its messages, as the last answer of the server has it.
package struct ChatView: Equatable, Sendable, BitwiseCopyable {
    package var isMember = true
    package var head = Position(epoch: Epoch(0), offset: .start)
    package var state = MarkReply(
        markers: Markers(read: .start, received: .start),
        unread: 0,
        mentions: 0
    )
}

/// The user's conversations: asking for what has changed, and moving the read marker.
///
/// A device asks again and again, because nothing tells it that it was invited.
extension Client {
    /// How long a device waits before it asks for changes again.
    package static var syncInterval: Interval { .seconds(5) }

    /// What the device shows of its `index`-th conversation; `nil` if it does not chat.
    package func view(of index: Int) -> ChatView? {
        index < self.views.count ? self.views[index] : nil
    }

    mutating func sync(at now: Instant, into effects: inout EffectBuffer<ClientEffect>) {
        guard !self.views.isEmpty else { return }
        let command = self.nextCommand()
        self.expect(.syncReply, row: Self.noRow, command: command, at: now)
        effects.emit(.command(self.socket, command, .sync))
    }

    mutating func pauseSync(at now: Instant) {
        let pause = Awaited(
            deadline: now + Self.syncInterval,
            goal: .start,
            command: 0,
            row: Self.noRow,
            purpose: .syncPause
        )
        self.awaited.append(pause)
    }

    /// The user has looked at all that the device has.
    mutating func onRead(
        _ conversation: ConversationNumber,
        at now: Instant,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        guard case .online = self.phase, let index = self.row(of: conversation),
            self.rows[index].offset > .start
        else { return }
        let command = self.nextCommand()
        self.expect(.markReply, row: UInt16(index), command: command, at: now)
        effects.emit(
            .command(self.socket, command, .mark(conversation, read: self.rows[index].offset))
        )
    }

    /// The server says where the user stands in a conversation.
    mutating func onListed(
        _ conversation: ConversationNumber,
        _ head: Position,
        _ state: MarkReply,
        at now: Instant,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        guard case .online = self.phase, let index = self.row(of: conversation),
            index < self.views.count
        else { return }
        self.views[index] = ChatView(isMember: true, head: head, state: state)
        guard self.rows[index].phase == .ended else { return }
        self.rows[index].phase = .idle
        self.subscribe(UInt16(index), at: now, into: &effects)
    }

    /// The server says that the user is no member of a conversation.
    mutating func onGone(
        _ conversation: ConversationNumber,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        guard case .online = self.phase, let index = self.row(of: conversation),
            index < self.views.count
        else { return }
        // The head is forgotten, so that another membership is news whatever it brings.
        self.views[index] = ChatView(isMember: false)
    }

    mutating func onMarked(_ row: UInt16, _ state: MarkReply) {
        guard Int(row) < self.views.count else { return }
        let known = self.views[Int(row)].state
        // An answer that an older question got late tells less.
        guard state.markers.read >= known.markers.read else { return }
        self.views[Int(row)].state = state
    }

    /// Names the entry that an operation is about: one of the last that the device has.
    func resolved(_ message: OutgoingMessage) -> OutgoingMessage {
        guard message.operation.entry != nil else { return message }
        var resolved = message
        guard let index = self.row(of: message.conversation), self.rows[index].offset > .start
        else {
            resolved.operation = .message
            return resolved
        }
        let head = self.rows[index].offset.rawValue
        let bits = self.random.draw(
            Draw.namedEntry,
            UInt64(self.number.rawValue),
            message.id.low
        )
        let offset = Offset(head - KeyedRandom.below(min(head, 8), bits))
        switch message.operation {
        case .reply: resolved.operation = .reply(offset)
        case .edit: resolved.operation = .edit(offset)
        case .delete: resolved.operation = .delete(offset)
        case .react: resolved.operation = .react(offset)
        case .message, .create, .join, .leave, .invite, .remove, .role: break
        }
        return resolved
    }
}
