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
}
