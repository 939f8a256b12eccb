import CSQLite
import ChatCore
import ChatServer
import Foundation
import Kernel
import Synchronization
import Testing

struct DurableStoreTests {
    private static func withDirectory(_ body: (String) throws -> Void) throws {
        let url = FileManager.default.temporaryDirectory
            .appending(path: "parley-store-\(UUID().uuidString)")
        try body(url.path(percentEncoded: false))
        try FileManager.default.removeItem(at: url)
    }

    @Test func `a refused append leaves its neighbours alone`() throws {
        try Self.withDirectory { path in
            let life = try Life(path: path)
            let term = try #require(life.term())
            let outcomes = life.append(
                [("a", 1), ("a", 2), (nil, 3), ("b", 2), (nil, 2), (nil, 3)],
                term: term,
                firstToken: 1
            )
            let repeated = AppendOutcome.duplicate(Offset(1), unixMilliseconds: 7)
            #expect(outcomes == [.done, repeated, .failed, .done, .failed, .done])
            life.store.close()
        }
    }

    @Test func `a transaction that fails moves no head`() throws {
        try Self.withDirectory { path in
            let life = try Life(path: path)
            let term = try #require(life.term())
            #expect(life.append([("a", 1)], term: term, firstToken: 1) == [.done])
            try Self.execute(
                """
                CREATE TRIGGER refusal BEFORE UPDATE ON conversations WHEN NEW.head > 1
                BEGIN SELECT RAISE(ABORT, 'refused'); END
                """,
                in: path
            )
            let refused = life.append([("b", 2), ("c", 3)], term: term, firstToken: 2)
            #expect(refused == [.failed, .failed])
            try Self.execute("DROP TRIGGER refusal", in: path)
            let again = life.append([("c", 2), ("b", 3), ("b", 4)], term: term, firstToken: 4)
            let repeated = AppendOutcome.duplicate(Offset(3), unixMilliseconds: 7)
            #expect(again == [.done, .done, repeated])
            life.store.close()
        }
    }

    @Test func `texts and bodies of every length come back as they were`() throws {
        try Self.withDirectory { path in
            let life = try Life(path: path)
            let term = try #require(life.term())
            let lengths = [0, 1, 900, 1_023, 1_024, 1_025, 60_000]
            for (number, length) in lengths.enumerated() {
                let outcome = life.append(
                    [(number == 0 ? "" : "m\(number)", UInt64(number) + 1)],
                    term: term,
                    firstToken: UInt64(number) + 1,
                    body: [UInt8](repeating: UInt8(number), count: length),
                    client: String(repeating: "c", count: length / 2)
                )
                #expect(outcome == [.done])
            }
            let read = ReadRequest(
                conversation: Life.conversation,
                from: .start,
                limit: 100,
                isReversed: false
            )
            guard case .page(let page) = life.answer(.read(read), token: 100) else {
                Issue.record("the page is read")
                return
            }
            let messages = page.handle.page.entries.map(\.message)
            #expect(messages.map(\.body.count) == lengths)
            #expect(messages.map(\.client.utf8.count) == lengths.map { $0 / 2 })
            for (number, message) in messages.enumerated() {
                #expect(message.body.allSatisfy { $0 == UInt8(number) })
                #expect(message.messageID == (number == 0 ? "" : "m\(number)"))
            }
            page.handle.release()
            life.store.close()
        }
    }

    @Test func `a message id is known after the store was closed and opened`() throws {
        try Self.withDirectory { path in
            for number in UInt64(1)...3 {
                let life = try Self.opened(path)
                let term = try #require(life.term())
                let outcomes = life.append(
                    [("once", 1), ("m\(number)", number + 1)],
                    term: term,
                    firstToken: 1
                )
                let repeated = AppendOutcome.duplicate(Offset(1), unixMilliseconds: 7)
                #expect(outcomes == [number == 1 ? .done : repeated, .done])
                life.store.close()
            }
        }
    }

    @Test func `members are members after the store was closed and opened`() throws {
        try Self.withDirectory { path in
            do {
                let life = try Life(path: path)
                let term = try #require(life.term())
                #expect(life.create(term: term, token: 1) == .appended(.done))
                life.store.close()
            }
            let life = try Self.opened(path)
            for (number, user) in ["u", "v", "w"].enumerated() {
                let read = ReadRequest(
                    conversation: Life.conversation,
                    from: .start,
                    limit: 0,
                    isReversed: false,
                    reader: UserID(named: user)
                )
                let outcome = life.answer(.read(read), token: UInt64(number) + 1)
                if case .page(let page) = outcome {
                    #expect(user != "w" && page.head.offset == Offset(1) && page.head.count == 0)
                    page.handle.release()
                } else {
                    #expect(user == "w" && outcome == .denied)
                }
            }
            life.store.close()
        }
    }

    @Test func `members and what is not planned are known after the store was opened again`() throws
    {
        try Self.withDirectory { path in
            let window = PartitionWindow(first: 0, count: 64, low: .max, high: 0)
            for number in UInt64(1)...2 {
                let life = try Self.opened(path)
                let term = try #require(life.term())
                if number == 1 { #expect(life.create(term: term, token: 1) == .appended(.done)) }
                let request = AudienceRequest(
                    conversation: Life.conversation,
                    user: nil,
                    partitions: window,
                    after: nil,
                    limit: 1
                )
                let members = life.parts(.audience(request), token: 2)
                #expect(members.count == 3, "a name, a member, and that there are more: \(members)")
                let owed = life.parts(.plans(.read(after: 0, limit: 9)), token: 3)
                #expect(owed == [.plans(.owed(Life.conversation)), .plans(.ends(next: nil))])
                life.store.close()
            }
        }
    }

    @Test func `a database of the first version is brought up and keeps what is in it`() throws {
        try Self.withDirectory { path in
            try Self.writeFirstVersion(to: path)
            let life = try Life(path: path)
            let term = try #require(life.term())
            let outcomes = life.append([("old", 3), ("new", 3)], term: term, firstToken: 1)
            #expect(outcomes == [.duplicate(Offset(2), unixMilliseconds: 6), .done])
            guard case .head(let head, _) = life.answer(.head(Life.conversation), token: 9) else {
                Issue.record("the head is read")
                return
            }
            #expect(head.offset == Offset(3) && head.count == 3)
            life.store.close()
        }
    }

    @Test func `a database of the second version is brought up too`() throws {
        try Self.withDirectory { path in
            let former = try Life(path: path)
            let term = try #require(former.term())
            #expect(former.append([("a", 1)], term: term, firstToken: 1) == [.done])
            former.store.close()
            let second = """
                ALTER TABLE messages DROP COLUMN extra;
                DROP INDEX changed_conversations;
                ALTER TABLE conversations DROP COLUMN changed;
                DROP TABLE plans;
                UPDATE meta SET value = 2 WHERE key = 'version';
                """
            let life = try Self.reopened(path, after: second)
            let later = try #require(life.term())
            #expect(life.append([("b", 2)], term: later, firstToken: 1) == [.done])
            life.store.close()
        }
    }

    /// A store whose database was changed while it was closed.
    private static func reopened(_ path: String, after change: String) throws -> Life {
        try Self.execute(change, in: path)
        return try Self.opened(path)
    }

    /// A directory as the first version of the store left it, with two messages in one conversation.
    private static func writeFirstVersion(to path: String) throws {
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: true
        )
        func blob(_ high: UInt64, _ low: UInt64) -> String {
            let digits = [high, low].map { word in
                let text = String(word, radix: 16)
                return String(repeating: "0", count: 16 - text.count) + text
            }
            return "X'\(digits.joined())'"
        }
        let conversation = blob(Life.conversation.high, Life.conversation.low)
        let user = UserID(named: "u")
        let message = MessageID(named: "old")
        let text = """
            CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
            INSERT INTO meta VALUES('incarnation', 5), ('version', 1), ('starts', 1);
            CREATE TABLE conversations(id BLOB PRIMARY KEY, name TEXT NOT NULL,
                generation INTEGER NOT NULL, head INTEGER NOT NULL) WITHOUT ROWID;
            INSERT INTO conversations VALUES(\(conversation), 'store', 0, 2);
            CREATE TABLE messages(
                conversation BLOB NOT NULL, offset INTEGER NOT NULL, time INTEGER NOT NULL,
                user TEXT NOT NULL, client TEXT NOT NULL, message_id TEXT, body BLOB NOT NULL,
                PRIMARY KEY(conversation, offset)) WITHOUT ROWID;
            INSERT INTO messages VALUES(\(conversation), 1, 5, 'u', 'c', NULL, X'31'),
                (\(conversation), 2, 6, 'u', 'c', 'old', X'32');
            CREATE TABLE message_ids(
                conversation BLOB NOT NULL, user BLOB NOT NULL, message BLOB NOT NULL,
                offset INTEGER NOT NULL, time INTEGER NOT NULL,
                PRIMARY KEY(conversation, user, message)) WITHOUT ROWID;
            INSERT INTO message_ids VALUES(\(conversation), \(blob(user.high, user.low)),
                \(blob(message.high, message.low)), 2, 6);
            """
        try Self.execute(text, in: path)
    }

    /// Changes a store's database behind its back.
    private static func execute(_ text: String, in path: String) throws {
        var database: OpaquePointer?
        try #require(unsafe sqlite3_open(path + "/parley.sqlite", &database) == SQLITE_OK)
        #expect(unsafe sqlite3_exec(database, text, nil, nil, nil) == SQLITE_OK)
        #expect(unsafe sqlite3_close(database) == SQLITE_OK)
    }

    @Test func `a term of a former life is fenced`() throws {
        try Self.withDirectory { path in
            var stale = Term.none
            do {
                let former = try Life(path: path)
                stale = try #require(former.term())
                former.store.close()
            }
            let life = try Self.opened(path)
            let term = try #require(life.term())
            #expect(term > stale)
            #expect(life.append([("a", 1)], term: stale, firstToken: 1) == [.fenced])
            #expect(life.append([("a", 1)], term: term, firstToken: 2) == [.done])
            life.store.close()
        }
    }

    /// A closed store's last thread may hold the lock a moment longer.
    private static func opened(_ path: String) throws -> Life {
        for _ in 0..<200 {
            do {
                return try Life(path: path)
            } catch is DataDirectoryError {
                _ = poll(nil, 0, 10)
            }
        }
        return try Life(path: path)
    }

    @Test func `a directory has one store at a time`() throws {
        try Self.withDirectory { path in
            let life = try Life(path: path)
            #expect(throws: DataDirectoryError.self) { try DataDirectory(path: path) }
            life.store.close()
        }
    }

    @Test func `more appends than a commit takes are all kept`() throws {
        try Self.withDirectory { path in
            let life = try Life(path: path)
            defer { life.store.close() }
            let term = try #require(life.term())
            let count = 66_000
            #expect(life.appendTwice(to: count, term: term) == ["done": 2 * count])
            let largest = life.store.statistics.largestBatch.load(ordering: .relaxed)
            #expect(largest <= DurableStore.batchLimit)
            #expect(largest > 0)
        }
    }
}
