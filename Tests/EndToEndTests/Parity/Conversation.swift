/// What two people say and do, for any host: one step after the other, each when the one before has
/// had all its effects.
enum Step: Sendable {
    /// A person opens a socket.
    case open(Int)
    case say(Int, Line)
    /// A person's socket ends without a word.
    case drop(Int)

    /// A command, its bodies by their size in bytes.
    enum Line: Sendable {
        case connect
        case subscribe(since: UInt64? = nil)
        case unsubscribe
        case publish(bytes: Int)
        case send(message: Int, bytes: Int)
        case history(since: UInt64, limit: Int)
    }

    /// Two people in one conversation: repeats, an absence, a page, refusals and a farewell.
    static let conversation: [Step] = [
        .open(0), .say(0, .connect), .say(0, .subscribe()),
        .open(1), .say(1, .connect), .say(1, .subscribe()),
        .say(0, .send(message: 1, bytes: 12)),
        .say(1, .send(message: 2, bytes: 40)),
        .say(0, .send(message: 1, bytes: 12)),
        .say(1, .subscribe()),
        .drop(0),
        .say(1, .send(message: 3, bytes: 7)),
        .say(1, .send(message: 4, bytes: 8)),
        .say(1, .publish(bytes: 9)),
        .open(0), .say(0, .connect), .say(0, .subscribe(since: 2)),
        .say(0, .history(since: 1, limit: 3)),
        .say(1, .send(message: 2, bytes: 40)),
        .say(0, .unsubscribe),
        .say(1, .send(message: 5, bytes: 100)),
        .say(0, .publish(bytes: 11)),
        .drop(1), .drop(0),
    ]
}
