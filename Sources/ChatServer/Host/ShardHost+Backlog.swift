import ChatCore
import Kernel

/// Sockets that take less than they are sent: what the shard is told of them, and does about it.
extension ShardHost {
    /// Bytes that the socket has not accepted, and those that it has not been given.
    func waitingBytes(of socket: ClientSocket) -> Int {
        socket.queuedBytes + self.outbound.pendingBytes(socket.handle.slot)
    }

    /// Tells the shard what it must know of a socket that is blocked or in which room is awaited.
    func tellBacklog(of socket: ClientSocket) {
        // Whoever has been sent away is of no more interest.
        guard self.outbound.isOpen(socket.handle) else { return }
        let bytes = self.waitingBytes(of: socket)
        guard socket.backlog.tells(bytes: bytes, hasRoom: socket.hasRoom, self.backlog) else {
            return
        }
        self.submit(.backlog(socket.handle, bytes: UInt32(clamping: bytes)))
    }

    /// The socket takes bytes again.
    func foundRoom(_ socket: ClientSocket) {
        guard socket.backlog.foundRoom() else { return }
        self.outbound.putInLine(socket.handle.slot)
        self.scheduleRound()
    }

    /// What held a socket up while the shard had not taken the event.
    func release(socketOf event: ShardEvent) {
        if case .command(let handle, _, _) = event {
            self.socket(handle)?.commandTaken()
        } else if case .backlog(let handle, _) = event, let socket = self.socket(handle) {
            socket.backlog.taken()
            self.outbound.putInLine(handle.slot)
        }
    }

    func awaitRoom(in handle: ConnectionHandle) {
        self.socket(handle)?.backlog.awaitRoom()
        self.outbound.putInLine(handle.slot)
    }

    func dropPublications(of handle: ConnectionHandle) {
        for drop in self.outbound.dropPublications(of: handle) {
            self.enqueue(.dropped(handle, drop.conversation, after: drop.after))
        }
    }
}
