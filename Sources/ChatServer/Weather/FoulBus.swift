import ChatCore
import Kernel
import NIOCore

/// The bus of one shard under a weather; confined to the shard's event loop.
struct FoulBus {
    private let weather: Weather
    /// How many messages went to each shard: keys what happens to them.
    private var counts: [ShardID: UInt64] = [:]

    init(_ weather: Weather) { self.weather = weather }

    mutating func carry(_ message: PeerMessage, from host: ShardHost, to receiver: ShardID) {
        let link = UInt64(host.id.rawValue) << 32 | UInt64(receiver.rawValue)
        let n = self.counts[receiver, default: 0]
        self.counts[receiver] = n + 1
        for copy in 0..<self.weather.copies(link, n) {
            let delay = self.weather.delay(link, n, copy: copy)
            guard delay > .zero else {
                host.pass(message, to: receiver)
                continue
            }
            // It has a reference of its own until it is passed on, or the loop ends before that.
            message.retainHandles()
            let bound = NIOLoopBound(host, eventLoop: host.loop)
            let time = TimeAmount.nanoseconds(Int64(clamping: delay.nanoseconds))
            let late = host.loop.scheduleTask(in: time) {
                bound.value.passLate(message, to: receiver)
                message.releaseHandles()
            }
            late.futureResult.whenFailure { _ in message.releaseHandles() }
        }
    }
}
