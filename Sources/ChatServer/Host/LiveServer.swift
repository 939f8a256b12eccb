package import ChatCore
import Dispatch
package import EventTrace
import Foundation
import Kernel
package import Logging
import NIOCore
import NIOPosix
import Synchronization

/// What a live server is told when it starts.
package struct ServerConfiguration: Sendable {
    package var host = "0.0.0.0"
    /// 0 takes any free port.
    package var port = 8000
    package var dataPath: String
    package var tokens: TokenPolicy
    /// With these the port speaks TLS, and nothing else.
    package var certificate: CertificateFiles?
    /// What application servers must show; without it nobody may use the server API.
    package var apiKey: String?
    /// Whose pages may open sockets, as browsers write them; `nil` is everybody's.
    package var allowedOrigins: [String]?
    /// Sockets that clients of one network address may have, counted for the whole process; `nil` is any number.
    package var addressConnections: UInt32?
    /// Who is believed that it connects for others; nobody if `nil`.
    package var proxies: ProxyPolicy?
    /// One event loop each; the default is the number of cores.
    package var shardCount = System.coreCount
    /// Besides the default namespace, index for index with the shard configuration's.
    package var namespaces = NamespaceTable()
    package var shard = ShardConfiguration()
    /// Files by upload ticket; `nil` takes none.
    package var media: MediaPolicy? = MediaPolicy()
    /// How long a socket may take no byte while bytes wait for it.
    package var writeTimeoutSeconds = 5
    /// Over how long a drain sends the clients away.
    package var drainSeconds: UInt64 = 5
    /// Is shown each step of each shard, on the shard's own thread.
    package var observer: (@Sendable (ShardStep) -> Void)?
    /// What goes wrong, in tests; nothing does if `nil`.
    package var weather: Weather?
    /// Where each shard's record goes; `nil` records nothing.
    package var recordPath: String?
    /// The most that a shard's record takes on disk, in MiB; at least 4.
    package var recordMebibytes = 64
    /// The most events that wait for a shard before what other shards say to it is lost.
    package var mailboxLimit = Mailbox.limit
    /// The most connections that are not a client's socket, over all event loops; more are closed at once.
    package var arrivalLimit = Arrivals.limit

    package init(dataPath: String, tokens: TokenPolicy) {
        self.dataPath = dataPath
        self.tokens = tokens
    }
}

/// One node: shards on event loops, a store, and a port.
package final class LiveServer: Sendable {
    private let configuration: ServerConfiguration
    private let log: Logger
    private let group: MultiThreadedEventLoopGroup
    private let store: DurableStore
    private let media: MediaDesk?
    private let mailboxes: [ShardID: Mailbox]
    private let hosts: [NIOLoopBound<ShardHost>]
    private let listener: any Channel
    private let drained: Drained
    private let records: [ShardID: RecordFiles]
    private let api: ServerApi
    private let certificate: ServerCertificate?
    private let addresses: ClientAddresses?

    /// Opens the store, starts the shards and listens.
    package static func start(
        _ configuration: ServerConfiguration,
        log: Logger
    ) async throws -> LiveServer {
        let certificate = try configuration.certificate.map { try ServerCertificate($0) }
        let directory = try DataDirectory(path: configuration.dataPath)
        let revocations = try Revocations(
            path: directory.revocationsPath,
            at: TokenVerifier.milliseconds(Date())
        )
        let group = MultiThreadedEventLoopGroup(numberOfThreads: configuration.shardCount)
        let boxes = Self.mailboxes(Array(group.makeIterator()), limit: configuration.mailboxLimit)
        var store: DurableStore?
        var media: MediaDesk?
        do {
            media = try configuration.media.map { policy in
                try MediaDesk(directory: directory, policy: policy, log: log)
            }
            let opened = try DurableStore(
                directory: directory,
                shards: boxes.keys.sorted(),
                configuration: configuration.shard,
                leaseLength: configuration.shard.leaseInterval * 6,
                media: media,
                weather: configuration.weather,
                log: log,
                answer: { shard, events in boxes[shard]?.post(events) }
            )
            store = opened
            return try await LiveServer(
                configuration,
                certificate,
                revocations,
                opened,
                media,
                boxes,
                group,
                log
            )
        } catch {
            // The shards that have started end with their loops, and ask the store for nothing more.
            try await group.shutdownGracefully()
            store?.close()
            try await media?.close()
            directory.unlock()
            throw error
        }
    }

    private init(
        _ configuration: ServerConfiguration,
        _ certificate: ServerCertificate?,
        _ revocations: Revocations,
        _ store: DurableStore,
        _ media: MediaDesk?,
        _ boxes: [ShardID: Mailbox],
        _ group: MultiThreadedEventLoopGroup,
        _ log: Logger
    ) async throws {
        self.configuration = configuration
        self.certificate = certificate
        self.addresses = configuration.addressConnections.map {
            ClientAddresses(limit: $0, proxies: configuration.proxies)
        }
        self.log = log
        self.group = group
        let loops = Array(group.makeIterator())
        self.mailboxes = boxes
        self.store = store
        self.media = media
        let records = try RecordFiles.open(boxes.keys.sorted(), configuration, log: log)
        self.records = records
        var policy = configuration.shard
        policy.presence.followsUsers = true
        policy.hintsMembers = configuration.hintsMembers
        policy.anonymous = UserID(named: "")
        let shardConfiguration = policy
        let drained = Drained(expected: loops.count)
        self.drained = drained
        let api = ServerApi(
            key: configuration.apiKey,
            namespaces: configuration.namespaces,
            policies: configuration.shard.namespaces,
            mailboxes: boxes,
            revocations: revocations
        )
        self.api = api
        let surroundings = ShardHost.Surroundings(
            namespaces: configuration.namespaces,
            store: store,
            verifier: try await TokenVerifier(configuration.tokens, revocations: revocations),
            api: api,
            mailboxes: boxes,
            writeTimeoutSeconds: configuration.writeTimeoutSeconds,
            log: log,
            observer: configuration.observer,
            weather: configuration.weather,
            onDrained: { drained.countOne() }
        )
        var generator = SystemRandomNumberGenerator()
        let seed: UInt64 = generator.next()
        log.info("starting", metadata: ["shards": "\(loops.count)", "seed": "\(seed)"])
        log.debug("tokens", metadata: ["policy": "\(configuration.tokens)"])
        let hosts = try await Self.hosts(
            on: loops,
            boxes,
            surroundings,
            records,
            shardConfiguration,
            seed: seed
        )
        self.hosts = hosts
        self.listener = try await Self.listen(
            configuration,
            group,
            Self.reception(configuration, certificate, self.addresses, hosts, store, media, api)
        )
        log.info("listening", metadata: ["port": "\(self.listener.localAddress?.port ?? 0)"])
    }

    /// Starts a shard on each loop.
    private static func hosts(
        on loops: [any EventLoop],
        _ boxes: [ShardID: Mailbox],
        _ surroundings: ShardHost.Surroundings,
        _ records: [ShardID: RecordFiles],
        _ configuration: ShardConfiguration,
        seed: UInt64
    ) async throws -> [NIOLoopBound<ShardHost>] {
        var hosts: [NIOLoopBound<ShardHost>] = []
        let incarnation = surroundings.store.processIncarnation
        for (index, loop) in loops.enumerated() {
            let id = ShardID(node: NodeID(0), index: UInt16(index))
            guard let mailbox = boxes[id] else { preconditionFailure("each shard has a mailbox") }
            let record = records[id]
            hosts.append(
                try await loop.submit {
                    let shard = Shard(
                        id: id,
                        configuration: configuration,
                        seed: seed,
                        incarnation: incarnation
                    )
                    return Self.host(shard, on: loop, mailbox, surroundings, record)
                }.get()
            )
        }
        return hosts
    }

    /// Sets a shard going; called on its loop.
    private static func host(
        _ shard: consuming Shard,
        on loop: any EventLoop,
        _ mailbox: Mailbox,
        _ surroundings: ShardHost.Surroundings,
        _ record: RecordFiles?
    ) -> NIOLoopBound<ShardHost> {
        let host = ShardHost(
            shard: shard,
            loop: loop,
            mailbox: mailbox,
            surroundings: surroundings,
            record: record
        )
        mailbox.attach(host)
        let bound = NIOLoopBound(host, eventLoop: loop)
        Self.startTicking(bound)
        return bound
    }

    /// Tells a shard the wall clock once a second.
    private static func startTicking(_ host: NIOLoopBound<ShardHost>) {
        host.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .seconds(1)) { _ in
            let time = UInt64(Date().timeIntervalSince1970 * 1000)
            host.value.tick(unixMilliseconds: time)
        }
        host.eventLoop.scheduleRepeatedTask(
            initialDelay: .zero,
            delay: .nanoseconds(Int64(LoadGauge.window.nanoseconds))
        ) { _ in host.value.beat() }
    }

    /// The port that clients reach.
    package var port: Int { self.listener.localAddress?.port ?? 0 }

    /// Reads the certificate and its key again, for the connections that come from now on; if they cannot be
    /// used, the former ones stay.
    package func reloadCertificate() throws {
        try self.certificate?.reload()
        self.log.info("the certificate was read again")
    }

    /// Sends the clients away, waits for what is in flight, and closes the store.
    package func drain() async throws {
        self.log.info("draining")
        self.listener.close(promise: nil)
        let duration = Interval.seconds(self.configuration.drainSeconds)
        for mailbox in self.mailboxes.values { mailbox.post([.drain(over: duration)]) }
        await self.drained.wait()
        for host in self.hosts {
            try await host.eventLoop.submit { host.value.cutOff() }.get()
        }
        self.api.close()
        for record in self.records.values { record.finish() }
        self.store.close()
        try await self.media?.close()
        try await self.group.shutdownGracefully()
        self.log.info("drained")
    }

    private static func mailboxes(
        _ loops: [any EventLoop],
        limit: Int
    ) -> [ShardID: Mailbox] {
        var mailboxes: [ShardID: Mailbox] = [:]
        for (index, loop) in loops.enumerated() {
            mailboxes[ShardID(node: NodeID(0), index: UInt16(index))] = Mailbox(
                loop: loop,
                limit: limit
            )
        }
        return mailboxes
    }

    private static func reception(
        _ configuration: ServerConfiguration,
        _ certificate: ServerCertificate?,
        _ addresses: ClientAddresses?,
        _ hosts: [NIOLoopBound<ShardHost>],
        _ store: DurableStore,
        _ media: MediaDesk?,
        _ api: ServerApi
    ) -> Reception {
        let patience = configuration.shard.connectTimeout
        return Reception(
            hosts: hosts,
            certificate: certificate,
            origins: OriginPolicy(configuration.allowedOrigins),
            addresses: addresses,
            arrivals: Arrivals(limit: configuration.arrivalLimit),
            timeout: TimeAmount.nanoseconds(Int64(clamping: patience.nanoseconds)),
            api: api,
            media: media,
            metrics: { Self.metrics(hosts, store, addresses, media, api.mailboxes) }
        )
    }

    private static func listen(
        _ configuration: ServerConfiguration,
        _ group: MultiThreadedEventLoopGroup,
        _ reception: Reception
    ) async throws -> any Channel {
        let low = Int(configuration.shard.backlog.low)
        // Connections are taken on a thread of its own: while a shard is behind with a crowd, the kernel's queue
        // would overflow, and who finds no place in it knocks again after seconds.
        let bootstrap = ServerBootstrap(
            group: MultiThreadedEventLoopGroup.singleton,
            childGroup: group
        )
        .serverChannelOption(.backlog, value: 4096)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        // The kernel gives it on to the connections.
        .serverChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .serverChannelOption(.maxMessagesPerRead, value: 64)
        .childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                // A channel becomes writable again below the mark at which there is room.
                try channel.syncOptions?.setOption(
                    .writeBufferWaterMark,
                    value: .init(low: max(1, low - 1), high: low)
                )
                try reception.receive(channel)
            }
        }
        do {
            return try await bootstrap.bind(host: configuration.host, port: configuration.port)
                .get()
        } catch let error {
            throw StartError(
                "cannot listen on \(configuration.host), port \(configuration.port): \(error);"
                    + " expected an address of this machine and a port that is free"
            )
        }
    }

    private static func metrics(
        _ hosts: [NIOLoopBound<ShardHost>],
        _ store: DurableStore,
        _ addresses: ClientAddresses?,
        _ media: MediaDesk?,
        _ mailboxes: [Mailbox]
    ) -> EventLoopFuture<String> {
        let parts = hosts.map { host in
            host.eventLoop.submit {
                (
                    host.value.statistics, host.value.queuedBytes, host.value.closes,
                    host.value.abandonedSegments, host.value.entrance.turnedAway,
                    UInt64(host.value.entrance.waitingCount)
                )
            }
        }
        return EventLoopFuture.whenAllSucceed(parts, on: hosts[0].eventLoop).map { parts in
            var text = MetricsText()
            text.add(parts.map(\.0))
            text.gauge(
                "queued_bytes",
                "Bytes that sockets have not accepted.",
                UInt64(parts.reduce(0) { $0 + $1.1 })
            )
            text.add(closes: parts.map(\.2))
            text.counter(
                "record_segments_abandoned",
                "Segments of records that the disk was too slow for.",
                parts.reduce(0) { $0 + $1.3 }
            )
            text.counter(
                "connections_turned_away",
                "Upgrades refused with 503, because too much waited.",
                parts.reduce(0) { $0 + $1.4 }
            )
            text.gauge(
                "connections_waiting",
                "Upgrades that wait until their shard has time for them.",
                parts.reduce(0) { $0 + $1.5 }
            )
            text.counter(
                "connections_crowded",
                "Upgrades refused with 429, because too many came from one address.",
                addresses?.refused ?? 0
            )
            text.counter(
                "peer_messages_lost",
                "Messages between shards that a slow shard's mailbox had no room for.",
                mailboxes.reduce(0) { $0 + $1.lost }
            )
            text.add(store.statistics, waiting: store.waitingCount)
            if let media { text.add(media.statistics) }
            return text.text
        }
    }
}

/// Waits for all shards to have drained.
private final class Drained: Sendable {
    private struct State {
        var left: Int
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state: Mutex<State>

    init(expected: Int) { self.state = Mutex(State(left: expected)) }

    func countOne() {
        let waiter = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.left -= 1
            guard state.left == 0 else { return nil }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOver = self.state.withLock { state in
                guard state.left > 0 else { return true }
                state.waiter = continuation
                return false
            }
            if isOver { continuation.resume() }
        }
    }
}
