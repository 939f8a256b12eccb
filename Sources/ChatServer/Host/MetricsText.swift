import ChatCore
import Synchronization

/// Writes figures in the Prometheus text format, version 0.0.4.
struct MetricsText {
    private(set) var text = ""

    mutating func gauge(_ name: String, _ help: String, _ value: UInt64) {
        self.add(name, help, "gauge", value)
    }

    mutating func counter(_ name: String, _ help: String, _ value: UInt64) {
        self.add(name + "_total", help, "counter", value)
    }

    private mutating func add(_ name: String, _ help: String, _ type: String, _ value: UInt64) {
        self.text += "# HELP parley_\(name) \(help)\n# TYPE parley_\(name) \(type)\n"
        self.text += "parley_\(name) \(value)\n"
    }

    /// What the shards of a node have done together.
    mutating func add(_ shards: [ShardStatistics]) {
        func sum(_ path: KeyPath<ShardStatistics, UInt64>) -> UInt64 {
            shards.reduce(0) { $0 + $1[keyPath: path] }
        }
        self.gauge("connections", "Open connections.", sum(\.connections))
        self.gauge("subscriptions", "Subscriptions of open connections.", sum(\.subscriptions))
        self.gauge("conversations", "Conversations that shards sequence.", sum(\.conversations))
        self.counter("events", "Events that shards handled.", sum(\.events))
        self.counter("commands", "Client commands.", sum(\.commands))
        self.counter("errors", "Error replies.", sum(\.errors))
        self.counter("shed", "Commands refused because too much waited.", sum(\.shed))
        self.counter("limited", "Commands refused because of their rate.", sum(\.limited))
        self.counter("appends", "Appends that were asked for.", sum(\.appends))
        self.counter("appends_done", "Appends that are durable.", sum(\.appendsDone))
        self.counter("appends_duplicate", "Repeats of a message id.", sum(\.appendsDuplicate))
        self.counter("appends_failed", "Appends not applied.", sum(\.appendsFailed))
        self.counter("appends_unknown", "Appends of unknown fate.", sum(\.appendsUnknown))
        self.counter("deliveries", "Messages delivered to connections.", sum(\.deliveries))
        self.counter("holes", "Holes found in deliveries.", sum(\.holes))
        self.counter("recovered", "Positions recovered.", sum(\.recovered))
        self.counter("unrecovered", "Positions not recoverable.", sum(\.unrecovered))
        self.gauge("lagging", "Subscriptions whose clients are too slow.", sum(\.lagging))
        self.counter("fell_behind", "Connections that fell behind.", sum(\.fellBehind))
        self.counter("fed", "Messages that those were given from the log.", sum(\.fed))
        self.counter("left_behind", "Subscriptions lost beyond the window.", sum(\.leftBehind))
        self.counter("pings", "Pings sent.", sum(\.pings))
        self.counter("pongs", "Pongs received.", sum(\.pongs))
        self.counter("statuses", "Users' states told to watchers.", sum(\.statuses))
        self.text += "# HELP parley_plans_total Messages fanned out, by their plan.\n"
        self.text += "# TYPE parley_plans_total counter\n"
        for (plan, count) in [
            ("direct", sum(\.plansDirect)), ("grouped", sum(\.plansGrouped)),
            ("broadcast", sum(\.plansBroadcast)),
        ] {
            self.text += "parley_plans_total{plan=\"\(plan)\"} \(count)\n"
        }
        self.counter("plans_relayed", "Messages whose deliveries took relays.", sum(\.plansRelayed))
        self.counter("relayed", "Deliveries passed on to other shards.", sum(\.relayed))
        self.counter("hints", "Hints told to devices that do not look.", sum(\.hints))
        self.counter(
            "hints_coalesced",
            "Hints that gave way to a later one.",
            sum(\.hintsCoalesced)
        )
        self.counter("hints_shed", "Hints put off, or not taken.", sum(\.hintsShed))
    }

    /// How many connections each shard has sent away, by code.
    mutating func add(closes shards: [[UInt16: UInt64]]) {
        var total: [UInt16: UInt64] = [:]
        for shard in shards { total.merge(shard) { $0 + $1 } }
        self.text += "# HELP parley_closes_total Connections sent away, by code.\n"
        self.text += "# TYPE parley_closes_total counter\n"
        for (code, count) in total.sorted(by: { $0.key < $1.key }) {
            self.text += "parley_closes_total{code=\"\(code)\"} \(count)\n"
        }
    }

    mutating func add(_ media: MediaStatistics) {
        self.gauge(
            "media_exchanges",
            "Uploads and downloads under way.",
            media.exchanges.load(ordering: .relaxed)
        )
        self.counter("media_uploads", "Files kept.", media.uploads.load(ordering: .relaxed))
        self.counter(
            "media_uploaded_bytes",
            "Bytes of files kept.",
            media.uploadedBytes.load(ordering: .relaxed)
        )
        self.counter("media_downloads", "Files sent.", media.downloads.load(ordering: .relaxed))
        self.counter(
            "media_downloaded_bytes",
            "Bytes of files that sockets took.",
            media.downloadedBytes.load(ordering: .relaxed)
        )
        self.counter(
            "media_refused",
            "Requests for media answered with an error.",
            media.refused.load(ordering: .relaxed)
        )
    }

    mutating func add(_ store: StoreStatistics, waiting: Int) {
        self.gauge("store_waiting", "Requests that wait for the writer.", UInt64(waiting))
        self.counter("store_commits", "Group commits.", store.commits.load(ordering: .relaxed))
        self.counter("store_appends", "Appends in commits.", store.appends.load(ordering: .relaxed))
        self.counter("store_errors", "Errors of SQLite.", store.errors.load(ordering: .relaxed))
        self.gauge(
            "store_batch_max",
            "Most appends in one commit.",
            store.largestBatch.load(ordering: .relaxed)
        )
        self.counter(
            "store_commit_nanoseconds",
            "Time spent in group commits.",
            store.commitNanoseconds.load(ordering: .relaxed)
        )
        self.gauge(
            "store_commit_nanoseconds_max",
            "Slowest group commit.",
            store.slowestCommitNanoseconds.load(ordering: .relaxed)
        )
    }
}
