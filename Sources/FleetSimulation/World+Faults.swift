import BasicContainers
import ChatCore
import ClientModel
import DiscreteEvents
import Kernel
import Oracles
import Workload

extension World {
    mutating func begin(_ fault: Scenario.Fault) {
        self.witnessAbsence(of: fault)
        switch fault.kind {
        case .crash(let node): self.crash(node)
        case .drain(let node):
            for index in 0..<self.shards.count
            where self.shards[index].node == node && self.shards[index].isUp {
                let duration = Interval(nanoseconds: fault.lasts.nanoseconds / 2)
                self.send(.drain(over: duration), to: index, at: self.now)
            }
        case .pause(let node):
            for index in 0..<self.shards.count where self.shards[index].node == node {
                self.shards[index].pausedUntil = max(
                    self.shards[index].pausedUntil,
                    self.now + fault.lasts
                )
            }
        case .partition(let node, let peer, let isOneWay):
            self.severed.append(Severance(from: node, to: peer))
            if !isOneWay { self.severed.append(Severance(from: peer, to: node)) }
        case .cut(let node, let share): self.cut(node, share, at: fault.start)
        case .restore: self.copies.append((fault.start, self.logs.copy()))
        case .stall: self.stalledUntil = max(self.stalledUntil, self.now + fault.lasts)
        }
    }

    mutating func end(_ fault: Scenario.Fault) {
        switch fault.kind {
        case .crash(let node): self.restart(node)
        case .drain(let node):
            for index in 0..<self.shards.count
            where self.shards[index].node == node && self.shards[index].isUp {
                self.oracle.bounded(
                    self.shards[index].hasDrained ? 0 : 1,
                    by: 0,
                    now: self.now,
                    "shards that have not drained, of which one is \(index)"
                )
            }
            self.crash(node)
            self.restart(node)
        case .partition(let node, let peer, let isOneWay):
            self.heal(Severance(from: node, to: peer))
            if !isOneWay { self.heal(Severance(from: peer, to: node)) }
        case .restore(let isNoticed): self.restore(from: fault.start, isNoticed: isNoticed)
        case .pause, .stall, .cut: break
        }
    }

    private mutating func restore(from made: Instant, isNoticed: Bool) {
        guard let index = self.copies.firstIndex(where: { $0.made == made }) else { return }
        let copy = self.copies.remove(at: index)
        if isNoticed {
            // Also a log without an entry gets another epoch.
            for number in 0..<self.population.conversationCount {
                _ = self.logs.makeLog(of: World.id(of: ConversationNumber(number)))
            }
        }
        for loss in self.logs.restore(copy.logs, isNoticed: isNoticed) {
            self.oracle.lost(
                loss.conversation,
                of: loss.epoch,
                after: loss.kept,
                isNoticed: isNoticed
            )
        }
    }

    private mutating func restart(_ node: Int) {
        for index in 0..<self.shards.count
        where self.shards[index].node == node && !self.shards[index].isUp {
            self.startShard(index)
        }
    }

    /// Ends one fault's severance of a way; another fault may still sever it.
    private mutating func heal(_ way: Severance) {
        if let index = self.severed.firstIndex(of: way) { self.severed.remove(at: index) }
    }

    /// Both ends see the sockets end.
    private mutating func cut(_ node: Int?, _ share: UInt64, at start: Instant) {
        for index in 0..<self.shards.count
        where (node == nil || self.shards[index].node == node) && self.shards[index].isUp {
            for slot in 0..<self.shards[index].sockets.count {
                let socket = self.shards[index].sockets[slot]
                guard socket.isOpen,
                    self.happens(share, .cutShare, UInt64(socket.client), start.nanoseconds)
                else { continue }
                self.cut(Int(socket.client), socket.socket, after: socket.lastArrival)
                let handle = ConnectionHandle(
                    slot: UInt32(slot),
                    generation: socket.generation
                )
                self.arriveAtShard(index, 0, .event(.closed(handle)))
            }
        }
    }

    /// Tells a device that its socket has ended.
    mutating func cut(_ client: Int, _ socket: UInt32, after last: Instant) {
        self.tell(client, socket, .closed(code: 1006), word: 2, after: last)
    }

    private mutating func crash(_ node: Int) {
        if self.bug == .losesTailAtCrash {
            for number in 0..<self.population.conversationCount {
                self.logs.loseTail(of: World.id(of: ConversationNumber(number)))
            }
        }
        for index in 0..<self.shards.count where self.shards[index].node == node {
            for slot in 0..<self.shards[index].sockets.count {
                let socket = self.shards[index].sockets[slot]
                guard socket.isOpen else { continue }
                self.endLine(slot, of: index)
                self.individualise(socket: slot, of: index)
                self.tell(
                    Int(socket.client),
                    socket.socket,
                    .closed(code: 1006),
                    word: 2,
                    after: socket.lastArrival
                )
            }
            self.witnessLoss(of: index)
            self.countPlans(of: index)
            self.failGuests(of: index)
            self.shards[index].clear()
        }
    }
}
