import ChatCore
import Dispatch
import EventTrace
import Kernel
import Oracles
import Synchronization

/// What live shards are seen to do, held to what nobody outside could see for certain: that commands are
/// answered in time, that a drain waits for them, and that no offset is given away twice.
final class ShardConduct: Sendable {
    private struct Seen {
        var open = OpenCommands()
        /// By request, what an owner waits for the store to append.
        var appends: [RequestToken: Append] = [:]
        var lastStep = Instant.zero
        /// The last time that the shard stood still, which excuses late answers.
        var stoodStill = Instant.zero
    }

    private struct State {
        var shards: [ShardID: Seen] = [:]
        var faults: [String] = []
        var answers = 0
        var appends = 0
    }

    private let state = Mutex(State())
    private let limit: Interval

    /// Shards step many times in this time, whatever happens.
    private static var breath: Interval { .milliseconds(150) }

    init(requestTimeout: Interval) { self.limit = requestTimeout }

    var faults: [String] { self.state.withLock { $0.faults } }
    var answers: Int { self.state.withLock { $0.answers } }
    var appends: Int { self.state.withLock { $0.appends } }

    /// The shards have ended, and others begin.
    func restart() { self.state.withLock { $0.shards = [:] } }

    func see(_ step: ShardStep) {
        let now = Instant(nanoseconds: DispatchTime.now().uptimeNanoseconds)
        self.state.withLock { state in
            var seen = state.shards[step.shard] ?? Seen()
            if seen.lastStep + Self.breath < now { seen.stoodStill = now }
            seen.lastStep = now
            switch step.event {
            case .command(let handle, let id, _): seen.open.asked(handle, id.rawValue, now: now)
            case .closed(let handle):
                self.judge(seen.open.closed(handle), seen, now, "never", &state)
            case .stored(let token, _): seen.appends[token] = nil
            default: break
            }
            for effect in step.effects { self.see(effect, &seen, now, &state) }
            state.shards[step.shard] = seen
        }
    }

    private func see(
        _ effect: ShardEffect,
        _ seen: inout Seen,
        _ now: Instant,
        _ state: inout State
    ) {
        switch effect {
        case .reply(let handle, let id, let reply):
            var isConnected = false
            if case .connected = reply { isConnected = true }
            let since = seen.open.answered(handle, id.rawValue, connects: isConnected)
            state.answers += 1
            self.judge(since, seen, now, "late", &state)
        case .close(let handle, let code):
            let since = seen.open.sentAway(handle)
            guard code == .shutdown, let since, since + self.limit > now else { return }
            state.faults.append("a client was sent away before it was answered")
        case .store(let token, .append(let append)):
            state.appends += 1
            let isTaken = seen.appends.values.contains {
                $0.conversation == append.conversation && $0.offset == append.offset
            }
            seen.appends[token] = append
            if isTaken { state.faults.append("offset \(append.offset.rawValue) was given twice") }
        default: return
        }
    }

    private func judge(
        _ since: Instant?,
        _ seen: Seen,
        _ now: Instant,
        _ how: String,
        _ state: inout State
    ) {
        guard let since, seen.stoodStill < since,
            since + self.limit + .milliseconds(300) < now
        else { return }
        let wait = (now - since).nanoseconds / 1_000_000
        state.faults.append("a command was answered \(how), after \(wait) ms")
    }
}
