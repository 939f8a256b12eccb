import BasicContainers
package import Kernel

/// A hash over rows that does not depend on their order: the sum of a hash of each.
struct RowSum {
    private var high: UInt64 = 0
    private var low: UInt64 = 0
    private var count: UInt64 = 0

    /// Adds a row; `kind` keeps two kinds with equal fields apart.
    mutating func add(_ kind: UInt64, _ words: (inout Digest128) -> Void) {
        var row = Digest128()
        row.combine(kind)
        words(&row)
        self.high &+= row.high
        self.low &+= row.low
        self.count += 1
    }

    func combine(into digest: inout Digest128) {
        digest.combine(self.count)
        digest.combine(self.high)
        digest.combine(self.low)
    }
}

extension Shard {
    /// Combines the shard's state.
    ///
    /// Stable ids and byte counts go in; slots, generations, tokens and handles stay out, so that a
    /// host that numbers rows differently has the same digest. O(rows).
    package borrowing func combineState(into digest: inout Digest128) {
        digest.combine(UInt64(self.id.rawValue))
        digest.combine(self.incarnation)
        digest.combine(self.wallClockOrigin)
        digest.combine(self.feedIncarnations)
        digest.combine(self.drain == .serving ? 0 : self.drain == .drained ? 2 : 1)
        var writer = ByteWriter()
        writer.value(self.lag)
        writer.value(self.counters)
        digest.combine(Digest128(of: writer.bytes[...]).low)
        for lease in self.placement {
            digest.combine(lease.term.rawValue)
            digest.combine(lease.owner.map { UInt64($0.rawValue) } ?? .max)
        }
        var rows = RowSum()
        self.sumConnections(into: &rows)
        self.sumFeeds(into: &rows)
        self.sumConversations(into: &rows)
        self.sumMessages(into: &rows)
        self.sumWaiting(into: &rows)
        self.sumPresence(into: &rows)
        self.sumPeople(into: &rows)
        self.sumGatherings(into: &rows)
        self.sumInbox(into: &rows)
        rows.combine(into: &digest)
    }

    /// The id of each slot's connection, the last one's where none is open.
    package borrowing func connectionNames() -> [UInt64] {
        (0..<self.connections.count).map { self.connections[$0].id.rawValue }
    }

    private borrowing func sumConnections(into rows: inout RowSum) {
        for slot in 0..<self.connections.count where self.connections[slot].phase != .vacant {
            let connection = self.connections[slot]
            rows.add(1) {
                $0.combine(connection.id.rawValue)
                $0.combine(connection.user)
                $0.combine(connection.awaitsPong ? 1 : 0)
                $0.combine(UInt64(connection.pace.rawValue))
                $0.combine(UInt64(connection.subscriptionCount))
                $0.combine(connection.expiry.end.nanoseconds)
                $0.combine(UInt64(connection.pendingSubscriptions))
                $0.combine(connection.timeToLive?.nanoseconds ?? .max)
                $0.combine(UInt64(connection.openHistories))
                $0.combine(UInt64(connection.openBytes))
                $0.combine(connection.commands.fullAt.nanoseconds)
                $0.combine(connection.refusals.fullAt.nanoseconds)
                $0.combine(connection.arrival)
                $0.combine(UInt64(connection.gatedCount))
                $0.combine(connection.phase)
            }
        }
        for index in self.pingSlots.slots.indices {
            for handle in self.pingSlots.slots[index] where self.isOpen(handle) {
                let connection = self.connections[Int(handle.slot)].id
                rows.add(2) {
                    $0.combine(UInt64(index))
                    $0.combine(connection.rawValue)
                }
            }
        }
    }

    private borrowing func sumFeeds(into rows: inout RowSum) {
        self.feeds.forEachRow { feed in
            rows.add(3) {
                $0.combine(feed.id)
                $0.combine(feed.incarnation)
                $0.combine(feed.position.term.rawValue)
                $0.combine(feed.position.delivered)
                $0.combine(feed.position.named.map { UInt64($0.rawValue) } ?? .max)
                $0.combine(feed.position.known.rawValue)
                $0.combine(feed.position.phase)
                $0.combine(feed.isRegistering ? 1 : 0)
                $0.combine(UInt64(feed.targets.count))
                $0.combine(UInt64(feed.recovering))
                $0.combine(UInt64(feed.lagging))
                $0.combine(UInt64(feed.heldCount))
                $0.combine(feed.departed.rawValue)
            }
        }
        for slot in 0..<self.subscriptions.slotCount where self.subscriptions.isOccupied(slot) {
            let row = self.subscriptions[slot]
            let feed = self.feeds[row.feed].id
            let connection = self.connections[Int(row.connection.slot)].id
            var join: Join?
            if case .joining(let number) = row.standing { join = self.joins[number] }
            let expiry = row.expiry == noSlot ? .never : self.expiries[row.expiry].end
            rows.add(4) {
                $0.combine(connection.rawValue)
                $0.combine(feed)
                if let join { $0.combine(join) } else { $0.combine(3) }
                $0.combine(row.isServerSide ? 1 : 0)
                $0.combine(expiry.nanoseconds)
                $0.combine(row.vouched.rawValue)
                $0.combine(row.mayTypeFrom.nanoseconds)
                $0.combine(row.hearsAttendance ? 1 : 0)
            }
        }
        self.sumLags(into: &rows)
        self.held.forEachRow { row in
            rows.add(5) {
                $0.combine(row.delivery.conversation)
                $0.combine(row.delivery.term.rawValue)
                $0.combine(UInt64(row.delivery.epoch.rawValue))
                $0.combine(row.delivery.offset.rawValue)
                $0.combine(row.delivery.unixMilliseconds)
                $0.combine(UInt64(row.delivery.body.byteCount))
            }
        }
    }

    private borrowing func sumLags(into rows: inout RowSum) {
        for slot in 0..<self.lags.slotCount where self.lags.isOccupied(slot) {
            let row = self.lags[slot]
            let subscription = self.subscriptions[row.subscription]
            let feed = self.feeds[subscription.feed].id
            let connection = self.connections[Int(subscription.connection.slot)].id
            rows.add(17) {
                $0.combine(connection.rawValue)
                $0.combine(feed)
                $0.combine(row.offset.rawValue)
                $0.combine(row.mayHaveDropped ? 1 : 0)
                $0.combine(row.isReading ? 1 : 0)
            }
        }
    }

    private borrowing func sumConversations(into rows: inout RowSum) {
        self.conversations.forEachRow { row in
            rows.add(6) {
                $0.combine(row.id)
                $0.combine(row.term.rawValue)
                $0.combine(row.sequencer.phase)
                $0.combine(UInt64(row.sequencer.epoch.rawValue))
                $0.combine(row.sequencer.head.rawValue)
                $0.combine(row.sequencer.count)
                $0.combine(UInt64(row.sequencer.inFlight))
                $0.combine(UInt64(row.messageCount))
                $0.combine(UInt64(row.repeatCount))
                $0.combine(UInt64(row.askedCount))
                $0.combine(UInt64(row.openReads))
                $0.combine(UInt64(row.memberCount))
                $0.combine(row.readFailed ? 1 : 0)
                $0.combine(UInt64(row.roundsToAnnounce))
                $0.combine(row.isGathered ? 1 : 0)
                $0.combine(row.owesHints ? 1 : 0)
            }
            for recipient in row.planner.recipients {
                rows.add(7) {
                    $0.combine(row.id)
                    $0.combine(UInt64(recipient.shard.rawValue))
                    $0.combine(recipient.incarnation)
                    $0.combine(recipient.expiry.nanoseconds)
                    $0.combine(recipient.isConfirmed ? 1 : 0)
                }
            }
        }
    }

    private borrowing func sumMessages(into rows: inout RowSum) {
        self.messages.forEachRow { row in
            rows.add(8) {
                $0.combine(row.request.conversation)
                $0.combine(row.request.user)
                $0.combine(row.request.message?.high ?? 0)
                $0.combine(row.request.message?.low ?? 0)
                $0.combine(row.request.operation)
                $0.combine(UInt64(row.request.body.byteCount))
                $0.combine(UInt64(row.gateway.rawValue))
                $0.combine(row.unixMilliseconds)
                $0.combine(row.fate)
            }
        }
        self.asked.forEachRow { row in
            rows.add(14) {
                $0.combine(row.request.conversation)
                $0.combine(row.request.user)
                $0.combine(row.request.message?.low ?? 0)
                $0.combine(row.request.operation)
            }
        }
        for key in self.members.order where self.members.holds(key.conversation, key.user) {
            rows.add(15) {
                $0.combine(key.conversation)
                $0.combine(key.user)
            }
        }
        self.repeats.forEachRow { row in
            rows.add(9) { $0.combine(UInt64(row.gateway.rawValue)) }
        }
        for key in self.recent.order {
            let reply = self.recent.reply(to: key)
            rows.add(10) {
                $0.combine(key.conversation)
                $0.combine(key.user)
                $0.combine(key.message.high)
                $0.combine(key.message.low)
                $0.combine(reply?.offset.rawValue ?? 0)
            }
        }
    }

    private borrowing func sumWaiting(into rows: inout RowSum) {
        self.requests.forEachRow { request in rows.add(11) { $0.combine(request) } }
        self.gated.forEachRow { row in rows.add(12) { $0.combine(UInt64(row.id.rawValue)) } }
        for row in self.leaving {
            let connection = self.connections[Int(row.connection.slot)].id
            rows.add(16) {
                $0.combine(connection.rawValue)
                $0.combine(row.due.nanoseconds)
            }
        }
        self.publishers.rows.forEachRow { row in
            rows.add(17) {
                $0.combine(row.user)
                $0.combine(row.bucket.fullAt.nanoseconds)
            }
        }
        self.deadlines.forEachEntry { instant, deadline in
            rows.add(13) {
                $0.combine(instant.nanoseconds)
                $0.combine(deadline)
            }
        }
    }
}
