import ChatCore
import ClientProtocol
import Foundation
import Kernel
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Where members' files are taken in and given out: who may, and what is kept.
///
/// Files and rows are changed by threads of its own; the loops of sockets only wait for them.
package final class MediaDesk: Sendable {
    let policy: MediaPolicy
    let statistics = MediaStatistics()
    private let key: MediaKey
    private let files: MediaFiles
    /// Reads alone, so that nobody waits for a disk that does not sync.
    private let asking: Mutex<MediaBooks>
    /// Held while a file gets its name and its row, or loses both: no other may come between.
    private let keeping: Mutex<MediaBooks>
    private let pool = NIOThreadPool(numberOfThreads: 4)
    private let underWay = Mutex<[UserID: Int]>([:])
    private let log: Logger

    /// Opens what is there, and takes away what uploads that did not end have left.
    init(directory: DataDirectory, policy: MediaPolicy, log: Logger) throws {
        self.policy = policy
        self.log = log
        let root = directory.path + "/media"
        let files = try MediaFiles(root: root)
        let (path, index) = (directory.databasePath, root + "/index.sqlite")
        let keeping = try MediaBooks(log: path, index: index)
        let asking = try MediaBooks(log: path, index: index)
        var generator = SystemRandomNumberGenerator()
        let fresh = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        self.key = MediaKey(secret: try keeping.secret(fresh: fresh))
        for (path, hash) in try files.leftovers() {
            if let hash, try keeping.holds(hash) == false {
                try MediaFiles.remove(files.path(of: hash))
            }
            try MediaFiles.remove(path)
        }
        self.files = files
        self.asking = Mutex(asking)
        self.keeping = Mutex(keeping)
        self.pool.start()
    }

    /// Carries out what is under way on its threads, and ends them.
    func close() async throws { try await self.pool.shutdownGracefully() }

    // MARK: What members ask

    /// Answers an rpc; `done` is called once, perhaps later and on another thread.
    func carryOut(
        _ request: AccountRequest,
        _ query: MediaQuery,
        done: @escaping @Sendable (StoreOutcome) -> Void
    ) {
        guard case .media(let action, let conversation, _) = request.action else {
            preconditionFailure("the desk is asked about media")
        }
        switch (action, query) {
        case (.offer, .ticket(_, let offer)):
            done(self.outcome { try self.ticket(offer, request.user, conversation) })
        case (.open, .url(_, let hash)):
            done(self.outcome { try self.url(hash, request.user, conversation) })
        case (.drop, .drop(_, let hash)):
            self.pool.submit { state in
                guard state == .active else { return done(.unavailable) }
                done(self.outcome { try self.drop(hash, request.user, conversation) })
            }
        case (.offer, _), (.open, _), (.drop, _):
            preconditionFailure("a note says what its request asks for")
        }
    }

    private func outcome(_ body: () throws -> AccountAnswer) -> StoreOutcome {
        do {
            return .account(try body())
        } catch {
            self.log.error("media cannot be looked up", metadata: ["error": "\(error)"])
            return .unavailable
        }
    }

    private static func now() -> UInt64 { UInt64(Date().timeIntervalSince1970) }

    private func getURL(
        _ hash: ContentHash,
        _ user: UserID,
        _ conversation: ConversationID
    ) -> (url: String, expires: UInt64) {
        let expires = Self.now() + self.policy.urlLife.nanoseconds / 1_000_000_000
        let pass = MediaPass(
            purpose: .get,
            conversation: conversation,
            hash: hash,
            user: user,
            expires: expires
        )
        return (self.policy.url + self.key.url(pass), expires)
    }

    private func ticket(
        _ offer: MediaOffer,
        _ user: UserID,
        _ conversation: ConversationID
    ) throws -> AccountAnswer {
        let (standing, entry, share) = try self.asking.withLock { books in
            (
                try books.standing(of: user, in: conversation),
                try books.entry(conversation, offer.hash), try books.share(of: user)
            )
        }
        if let code = MembershipRules.refusal(of: .offer, standing, isOwn: false) {
            return .refused(code)
        }
        guard offer.size <= self.policy.size else { return .refused(.tooLarge) }
        guard self.policy.admits(offer.type) else { return .refused(.unsupportedType) }
        guard entry != nil || share + MediaPolicy.charge(of: offer.size) <= self.policy.perUser
        else { return .refused(.limitExceeded) }
        let pass = MediaPass(
            purpose: .put(size: offer.size, type: offer.type.text),
            conversation: conversation,
            hash: offer.hash,
            user: user,
            expires: Self.now() + self.policy.ticketLife.nanoseconds / 1_000_000_000
        )
        let data = MediaResults.ticket(
            put: self.policy.url + self.key.url(pass),
            get: self.getURL(offer.hash, user, conversation).url,
            expires: pass.expires,
            isStored: entry != nil
        )
        return .told(Kept(data).retained())
    }

    private func url(
        _ hash: ContentHash,
        _ user: UserID,
        _ conversation: ConversationID
    ) throws -> AccountAnswer {
        let (standing, entry) = try self.asking.withLock { books in
            (
                try books.standing(of: user, in: conversation),
                try books.entry(conversation, hash)
            )
        }
        if let code = MembershipRules.refusal(of: .open, standing, isOwn: false) {
            return .refused(code)
        }
        guard let entry else { return .refused(.notFound) }
        let (url, expires) = self.getURL(hash, user, conversation)
        let data = MediaResults.url(
            get: url,
            expires: expires,
            size: entry.size,
            type: entry.type
        )
        return .told(Kept(data).retained())
    }

    private func drop(
        _ hash: ContentHash,
        _ user: UserID,
        _ conversation: ConversationID
    ) throws -> AccountAnswer {
        try self.keeping.withLock { books in
            let standing = try books.standing(of: user, in: conversation)
            let entry = try books.entry(conversation, hash)
            let isOwn = entry?.user == user
            if let code = MembershipRules.refusal(of: .drop, standing, isOwn: isOwn) {
                return .refused(code)
            }
            guard let entry else { return .refused(.notFound) }
            try books.strike(entry, conversation, hash)
            try self.forgetIfUnwanted(hash, books)
            return .done
        }
    }

    /// Takes a file away that no conversation has.
    private func forgetIfUnwanted(_ hash: ContentHash, _ books: MediaBooks) throws {
        if try books.holds(hash) == false { try MediaFiles.remove(self.files.path(of: hash)) }
    }

    // MARK: What sockets bring and take

    /// Runs something that waits for a disk; what it throws becomes a refusal.
    func run<Result: Sendable>(
        on loop: any EventLoop,
        _ body: @escaping @Sendable () throws -> Result
    ) -> EventLoopFuture<Result> {
        self.pool.runIfActive(eventLoop: loop, body).flatMapErrorThrowing { error in
            throw self.refusal(error)
        }
    }

    private func refusal(_ error: any Error) -> MediaRefusal {
        if let refusal = error as? MediaRefusal { return refusal }
        self.log.error("media could not be kept or read", metadata: ["error": "\(error)"])
        let sqliteFull: Int32 = 13
        if let error = error as? DatabaseError, error.code & 0xff == sqliteFull {
            return .diskFull
        }
        if let error = error as? DiskError, error.code == ENOSPC || error.code == EDQUOT {
            return .diskFull
        }
        return .broken
    }

    /// What a URL allows at this moment.
    func pass(_ url: String, isPut: Bool) throws(MediaRefusal) -> MediaPass {
        guard let pass = self.key.pass(url, isPut: isPut) else { throw .forbidden }
        guard Self.now() < pass.expires else { throw .expired }
        return pass
    }

    /// Takes a place among what is under way, until `leave`.
    func enter(_ user: UserID) throws(MediaRefusal) {
        try self.underWay.withLock { (underWay) throws(MediaRefusal) in
            let own = underWay[user] ?? 0
            guard self.statistics.exchanges.load(ordering: .relaxed) < MediaPolicy.exchangeLimit,
                own < MediaPolicy.exchangesOfUser
            else { throw .busy }
            underWay[user] = own + 1
            self.statistics.exchanges.add(1, ordering: .relaxed)
        }
    }

    func leave(_ user: UserID) {
        self.underWay.withLock { underWay in
            guard let own = underWay[user] else {
                preconditionFailure("who leaves has entered")
            }
            underWay[user] = own > 1 ? own - 1 : nil
            self.statistics.exchanges.subtract(1, ordering: .relaxed)
        }
    }

    /// Begins an upload, if its user still may and there is space.
    func open(put pass: MediaPass, size: UInt64) throws -> UploadFile {
        try self.asking.withLock { books in try self.check(pass, size, books) }
        let free = try self.files.freeBytes()
        guard size <= free else { throw MediaRefusal.diskFull }
        return try UploadFile(path: self.files.uploadPath(of: pass.hash))
    }

    /// Whether a file may become its user's.
    private func check(_ pass: MediaPass, _ size: UInt64, _ books: MediaBooks) throws {
        let standing = try books.standing(of: pass.user, in: pass.conversation)
        guard MembershipRules.refusal(of: .offer, standing, isOwn: false) == nil else {
            throw MediaRefusal.forbidden
        }
        if try books.entry(pass.conversation, pass.hash) != nil { return }
        let share = try books.share(of: pass.user) + MediaPolicy.charge(of: size)
        guard share <= self.policy.perUser else {
            throw MediaRefusal(
                .payloadTooLarge,
                "more than is kept for one user; expected at most \(self.policy.perUser) bytes in all"
            )
        }
    }

    /// Keeps an upload that has come whole; false if the conversation had it already.
    func keep(
        _ upload: UploadFile,
        _ pass: MediaPass,
        _ size: UInt64,
        _ type: String
    ) throws -> Bool {
        let hash = try upload.finish()
        guard hash == pass.hash else {
            throw MediaRefusal(
                .unprocessableEntity,
                "what came has the SHA-256 \(hash.text); expected \(pass.hash.text)"
            )
        }
        let isNew = try self.keeping.withLock { books in
            try self.check(pass, size, books)
            try self.files.name(upload.path, hash)
            if try books.entry(pass.conversation, hash) != nil { return false }
            let entry = MediaBooks.Entry(size: size, type: type, user: pass.user)
            do {
                let time = UInt64(Date().timeIntervalSince1970 * 1000)
                try books.enter(entry, pass.conversation, hash, unixMilliseconds: time)
            } catch {
                try self.forgetIfUnwanted(hash, books)
                throw error
            }
            return true
        }
        self.statistics.uploads.add(1, ordering: .relaxed)
        self.statistics.uploadedBytes.add(size, ordering: .relaxed)
        return isNew
    }

    /// Takes away what has come of an upload, whether it was kept or not.
    func discard(_ upload: UploadFile) {
        self.pool.submit { state in
            // What is left goes at the next start.
            guard state == .active else { return }
            do {
                try upload.discard()
            } catch {
                self.log.error("an upload stays", metadata: ["error": "\(error)"])
            }
        }
    }

    /// The file that a URL names, if its user still may have it.
    func open(get pass: MediaPass) throws -> (file: DownloadFile, entry: MediaBooks.Entry) {
        let (standing, entry) = try self.asking.withLock { books in
            (
                try books.standing(of: pass.user, in: pass.conversation),
                try books.entry(pass.conversation, pass.hash)
            )
        }
        guard MembershipRules.refusal(of: .open, standing, isOwn: false) == nil else {
            throw MediaRefusal.forbidden
        }
        guard let entry, let file = try DownloadFile(path: self.files.path(of: pass.hash)) else {
            throw MediaRefusal(.notFound, "the file is not there; expected one that was put")
        }
        self.statistics.downloads.add(1, ordering: .relaxed)
        return (file, entry)
    }
}
