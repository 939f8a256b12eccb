import ChatCore
import Kernel

extension TestFleet {
    func link(to handle: ConnectionHandle, of index: Int) -> SlowLink? {
        let link = self.boxes[index].clients[handle.slot]?.link
        return link?.handle == handle ? link : nil
    }

    /// Gives a client something, at once or as it reads.
    func hand(
        _ bytes: UInt32,
        _ kind: SlowLink.Kind,
        to handle: ConnectionHandle,
        of index: Int,
        _ receive: @escaping (TestClient) -> Void
    ) {
        guard let client = self.boxes[index].clients[handle.slot] else { return }
        guard client.link != nil else { return receive(client) }
        self.link(to: handle, of: index)?.push(UInt64(bytes), kind) { receive(client) }
    }

    func observePresence(
        _ effect: PresenceEffect,
        _ index: Int,
        _ effects: borrowing EffectBuffer<ShardEffect>
    ) {
        var targets: [ConnectionHandle] = []
        switch effect {
        case .member, .status: break
        case .statuses(_, let range), .attendance(_, _, _, let range):
            for target in range.start..<(range.start + range.count) {
                targets.append(effects[target: target])
            }
        }
        self.onPresence(index, effect, targets)
    }

    func leaseRound(_ index: Int, _ roles: RoleSet) {
        guard let incarnation = self.boxes[index].shard?.incarnation else { return }
        self.store.leases.round(
            shard: self.id(index),
            incarnation: incarnation,
            roles: roles,
            now: self.now,
            length: .seconds(6)
        )
        for (partition, row) in self.store.leases.rows.enumerated() {
            let known = self.told[index][partition]
            guard known?.term != row.term || known?.owner != row.owner else { continue }
            self.told[index][partition] = row
            let lease = ShardEvent.lease(
                PartitionID(UInt16(partition)),
                row.term,
                owner: row.owner
            )
            self.step(index) { shard, effects in
                shard.handle(lease, at: self.now, into: &effects)
            }
        }
    }
}
