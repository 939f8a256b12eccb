import BasicContainers
import Kernel

/// Connections that are slower than what they are sent.
///
/// A connection that has fallen behind stays a target of its feeds, behind those who keep pace: it
/// counts as a subscriber for everything but publications. Each of its subscriptions keeps the offset
/// up to which the client really gets everything; from there the log serves it, a page at a time, until
/// it stands where the feed does. Nobody else pays for that.
extension Shard {
    /// So much waits for a connection: it has become too much, or there is room again.
    mutating func onBacklog(
        _ handle: ConnectionHandle,
        bytes: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.isOpen(handle) else { return }
        let policy = self.configuration.backlog
        switch self.connections[Int(handle.slot)].pace {
        case .brisk:
            if bytes > policy.high { self.fallBehind(handle, into: &effects) }
        case .full where bytes <= policy.low:
            self.feedNext(handle, at: now, into: &effects)
        case .full, .reading, .resting:
            // No publications are among it: the client asks for more than it takes.
            if bytes > policy.bound { self.close(handle, .slow, into: &effects) }
        }
    }

    private mutating func fallBehind(
        _ handle: ConnectionHandle,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.counters.fellBehind += 1
        self.connections[Int(handle.slot)].pace = .full
        var slot = self.connections[Int(handle.slot)].firstSubscription
        while slot != noSlot {
            if case .live = self.subscriptions[slot].standing {
                self.setBack(slot, mayHaveDropped: true)
            }
            slot = self.subscriptions[slot].nextInConnection
        }
        effects.emit(.dropPublications(handle))
        effects.emit(.awaitRoom(handle))
    }

    /// From here on a live subscription gets nothing as it comes.
    mutating func setBack(_ slot: UInt32, mayHaveDropped: Bool) {
        guard case .live(let target) = self.subscriptions[slot].standing else {
            preconditionFailure("only who is live falls behind")
        }
        let feed = self.subscriptions[slot].feed
        let connection = Int(self.subscriptions[slot].connection.slot)
        let last = UInt32(self.feeds[feed].briskCount - 1)
        self.swapTargets(target, last, of: feed)
        self.feeds[feed].lagging += 1
        let lag = Lag(
            subscription: slot,
            next: self.connections[connection].firstLag,
            offset: self.feeds[feed].position.delivered?.offset ?? .start,
            mayHaveDropped: mayHaveDropped
        )
        self.connections[connection].firstLag = self.lags.insert(lag)
    }

    /// The host has let publications go that had not been handed to the socket: those after `offset`.
    mutating func onDropped(
        _ handle: ConnectionHandle,
        _ conversation: ConversationID,
        after offset: Offset
    ) {
        guard self.isOpen(handle),
            let slot = self.subscription(of: handle, to: conversation),
            let lag = self.lag(of: slot),
            // Not one that was made since then.
            self.lags[lag].mayHaveDropped
        else { return }
        self.lags[lag].offset = min(self.lags[lag].offset, offset)
    }

    /// The row of a subscription that lags, by a walk over its connection's.
    private func lag(of slot: UInt32) -> UInt32? {
        var lag = self.connections[Int(self.subscriptions[slot].connection.slot)].firstLag
        while lag != noSlot {
            if self.lags[lag].subscription == slot { return lag }
            lag = self.lags[lag].next
        }
        return nil
    }

    /// Frees the row of a subscription that lags, if it does; it is a target no more, or a brisk one.
    mutating func forgetLag(of slot: UInt32) {
        let connection = Int(self.subscriptions[slot].connection.slot)
        var previous = noSlot
        var lag = self.connections[connection].firstLag
        while lag != noSlot, self.lags[lag].subscription != slot {
            previous = lag
            lag = self.lags[lag].next
        }
        guard lag != noSlot else { return }
        let row = self.lags[lag]
        if previous == noSlot {
            self.connections[connection].firstLag = row.next
        } else {
            self.lags[previous].next = row.next
        }
        if row.isReading { self.feeds[self.subscriptions[slot].feed].recovering -= 1 }
        self.lags.remove(lag, leaving: .blank)
    }

    /// A subscription that stands where its feed does gets what comes again.
    private mutating func catchUp(_ slot: UInt32) {
        guard case .live(let target) = self.subscriptions[slot].standing else {
            preconditionFailure("only who is live lags")
        }
        let feed = self.subscriptions[slot].feed
        self.swapTargets(target, UInt32(self.feeds[feed].briskCount), of: feed)
        self.feeds[feed].lagging -= 1
        self.forgetLag(of: slot)
    }

    /// What a subscription that lags is missing.
    private enum Arrears {
        case nothing
        /// Something, in reach of the stream's window.
        case some
        case beyondWindow
        /// Its stream is ending, and it will be told.
        case unknown
    }

    private func arrears(of lag: Lag) -> Arrears {
        let feed = self.feeds[self.subscriptions[lag.subscription].feed]
        // What has no log is lost.
        guard self.namespace(feed.namespace).hasLog else { return .nothing }
        guard let position = feed.position.delivered else { return .unknown }
        guard position.offset > lag.offset else { return .nothing }
        let reach = self.reach(of: feed.namespace)
        return position.offset - lag.offset <= UInt64(reach) ? .some : .beyondWindow
    }

    /// There is room: gives a connection some of what it missed, one subscription after the other.
    ///
    /// None gets what comes before all stand at their heads: what came for one would wait behind what the
    /// others missed.
    private mutating func feedNext(
        _ handle: ConnectionHandle,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        var next = self.connections[Int(handle.slot)].firstLag
        var isKnown = true
        while next != noSlot {
            let lag = next
            next = self.lags[lag].next
            switch self.arrears(of: self.lags[lag]) {
            case .nothing: break
            case .unknown: isKnown = false
            case .some:
                self.read(lag, of: handle, at: now, into: &effects)
                return
            case .beyondWindow:
                self.endBeyondWindow(self.lags[lag].subscription, into: &effects)
                guard self.isOpen(handle) else { return }
            }
        }
        guard isKnown else {
            self.rest(handle, at: now)
            return
        }
        while self.connections[Int(handle.slot)].firstLag != noSlot {
            let lag = self.connections[Int(handle.slot)].firstLag
            self.catchUp(self.lags[lag].subscription)
        }
        self.connections[Int(handle.slot)].pace = .brisk
    }

    /// Puts a row behind the others of its connection, so that each has its turn.
    private mutating func moveBack(_ lag: UInt32, of connection: Int) {
        var last = lag
        while self.lags[last].next != noSlot { last = self.lags[last].next }
        guard last != lag else { return }
        if self.connections[connection].firstLag == lag {
            self.connections[connection].firstLag = self.lags[lag].next
        } else {
            var previous = self.connections[connection].firstLag
            while self.lags[previous].next != lag { previous = self.lags[previous].next }
            self.lags[previous].next = self.lags[lag].next
        }
        self.lags[last].next = lag
        self.lags[lag].next = noSlot
    }

    private mutating func read(
        _ lag: UInt32,
        of handle: ConnectionHandle,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let slot = self.lags[lag].subscription
        let feed = self.subscriptions[slot].feed
        self.moveBack(lag, of: Int(handle.slot))
        self.lags[lag].isReading = true
        // From now on the feed keeps what comes, so that the page's end meets it.
        self.feeds[feed].recovering += 1
        self.connections[Int(handle.slot)].pace = .reading
        let read = ReadRequest(
            conversation: self.feeds[feed].id,
            from: self.lags[lag].offset,
            limit: self.configuration.recoveryLimit,
            isReversed: false,
            notBefore: self.oldestInReach(of: self.feeds[feed].namespace, at: now),
            byteLimit: self.configuration.backlog.page
        )
        let generation = self.subscriptions.generation(of: slot)
        let purpose = PendingRequest.lagPage(subscription: slot, generation: generation)
        self.ask(.read(read), for: purpose, into: &effects)
    }

    /// The log could not be read, or is not the feed's: tries again after a pause.
    private mutating func rest(_ handle: ConnectionHandle, at now: Instant) {
        self.connections[Int(handle.slot)].pace = .resting
        self.deadlines.schedule(.feeding(handle), at: now + self.configuration.storeRetry)
    }

    mutating func feedAgain(
        _ handle: ConnectionHandle,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.isOpen(handle) else { return }
        switch self.connections[Int(handle.slot)].pace {
        case .resting: self.feedNext(handle, at: now, into: &effects)
        case .brisk, .full, .reading: break
        }
    }

    /// Ends a subscription whose client can no longer be given all that it missed.
    private mutating func endBeyondWindow(
        _ slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.counters.leftBehind += 1
        guard self.subscriptions[slot].isServerSide else {
            self.end(slot, .insufficientState, into: &effects)
            return
        }
        let handle = self.subscriptions[slot].connection
        self.close(handle, .insufficientState, into: &effects)
    }

    /// What a subscription missed has been read, or could not be.
    mutating func onLagPage(
        _ slot: UInt32,
        _ page: Page?,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard let lag = self.lag(of: slot), self.lags[lag].isReading else { return }
        let feed = self.subscriptions[slot].feed
        let handle = self.subscriptions[slot].connection
        let offset = self.lags[lag].offset
        self.lags[lag].isReading = false
        self.feeds[feed].recovering -= 1
        defer { if self.feeds.isOccupied(feed) { self.trimHeld(of: feed, into: &effects) } }
        guard let page, let position = self.feeds[feed].position.delivered,
            page.head.epoch == position.epoch, page.head.offset >= position.offset
        else {
            self.rest(handle, at: now)
            return
        }
        guard page.count > 0, page.first == offset.next else {
            self.endBeyondWindow(slot, into: &effects)
            if self.isOpen(handle) { self.feedNext(handle, at: now, into: &effects) }
            return
        }
        let through = min(page.last, position.offset)
        self.give(page, after: offset, through: through, to: slot, into: &effects)
        self.lags[lag].offset = through
        if self.heldBytes(after: through, in: feed) <= UInt64(self.configuration.backlog.page),
            self.heldReaches(from: through, in: feed)
        {
            self.deliverHeld(of: feed, after: through, only: handle, into: &effects)
            self.lags[lag].offset = position.offset
        }
        self.connections[Int(handle.slot)].pace = .full
        effects.emit(.awaitRoom(handle))
    }

    private mutating func give(
        _ page: Page,
        after offset: Offset,
        through last: Offset,
        to slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let feed = self.subscriptions[slot].feed
        let start = effects.targetCount
        effects.appendTarget(self.subscriptions[slot].connection)
        self.counters.deliveries += last - offset
        self.counters.fed += last - offset
        let stretch = PageDelivery(
            page: page.handle,
            name: self.feeds[feed].name,
            conversation: self.feeds[feed].id,
            after: offset,
            through: last
        )
        effects.emit(.deliverPage(stretch, targets: TargetRange(start: start, count: 1)))
    }
}
