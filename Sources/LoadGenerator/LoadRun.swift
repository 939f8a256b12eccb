import Histogram
import Kernel
import Measurement
import NIOCore
import NIOPosix
import Workload

/// One run of a workload over real sockets.
package enum LoadRun {
    /// Runs to the end, or until `isCutShort`; both closures are called four times a second.
    package static func run(
        _ options: LoadOptions,
        onProgress: @Sendable (LoadProgress) -> Void,
        isCutShort: @Sendable () -> Bool
    ) async throws -> LoadReport {
        let users = (0..<options.workload.users).map { Wire.user($0, run: options.run) }
        let tokens = try await UserTokens.signed(for: users, secret: options.secret)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: options.loops)
        let origin = NIODeadline.now()
        var loops: [NIOLoopBound<LoadLoop>] = []
        for index in 0..<options.loops {
            let eventLoop = group.next()
            let loop = try await eventLoop.submit {
                let loop = LoadLoop(
                    options,
                    tokens: tokens,
                    index: index,
                    origin: origin,
                    eventLoop: eventLoop
                )
                loop.start()
                return NIOLoopBound(loop, eventLoop: eventLoop)
            }.get()
            loops.append(loop)
        }
        let wasCutShort = try await Self.wait(
            options,
            loops,
            origin: origin,
            onProgress: onProgress,
            isCutShort: isCutShort
        )
        let seconds = Double((NIODeadline.now() - origin).nanoseconds) / 1e9
        var results: [LoadLoop.Result] = []
        for loop in loops {
            let result = try await loop.eventLoop.submit {
                loop.value.stop()
                return loop.value.takeResult()
            }.get()
            results.append(result)
        }
        try await group.shutdownGracefully()
        return Self.report(options, results, seconds: seconds, wasCutShort: wasCutShort)
    }

    /// Waits for the end; true if it was cut short.
    private static func wait(
        _ options: LoadOptions,
        _ loops: [NIOLoopBound<LoadLoop>],
        origin: NIODeadline,
        onProgress: @Sendable (LoadProgress) -> Void,
        isCutShort: @Sendable () -> Bool
    ) async throws -> Bool {
        let workload = options.workload
        let sendingEnds = workload.rampUp + workload.duration
        let end = sendingEnds + workload.settle
        while true {
            try await Task.sleep(for: .milliseconds(250))
            var progress = LoadProgress()
            var owed: UInt64 = 0
            var isQuiet = true
            for loop in loops {
                let part = try await loop.eventLoop.submit { loop.value.progress }.get()
                progress.seconds = max(progress.seconds, part.progress.seconds)
                progress.online += part.progress.online
                progress.sent += part.progress.sent
                progress.acknowledged += part.progress.acknowledged
                progress.received += part.progress.received
                owed += part.owed
                isQuiet = isQuiet && part.isQuiet
            }
            onProgress(progress)
            let elapsed = UInt64((NIODeadline.now() - origin).nanoseconds)
            if elapsed >= end.nanoseconds { return false }
            if elapsed >= sendingEnds.nanoseconds, isQuiet, progress.received >= owed {
                return false
            }
            if isCutShort() { return true }
        }
    }

    private static func report(
        _ options: LoadOptions,
        _ results: [LoadLoop.Result],
        seconds: Double,
        wasCutShort: Bool
    ) -> LoadReport {
        var sendToAck = results[0].sendToAck
        var sendToDelivery = results[0].sendToDelivery
        var lateness = results[0].lateness
        var series = results[0].series
        for result in results.dropFirst() {
            sendToAck.add(result.sendToAck)
            sendToDelivery.add(result.sendToDelivery)
            lateness.add(result.lateness)
            series.merge(result.series)
        }
        let judgement = Judgement(
            // Whoever is cut short has not had the time to get everything.
            results.map { ($0.ledger, $0.isSettled.map { $0 && !wasCutShort }) },
            perUser: Int(options.workload.conversationsPerUser)
        )
        func sum(_ field: KeyPath<Ledger.Counts, UInt64>) -> UInt64 {
            results.reduce(0) { $0 + $1.ledger.counts[keyPath: field] }
        }
        let users = Int(options.workload.users)
        let settled = results.reduce(0) { $0 + $1.isSettled.count { $0 } }
        let isShort =
            settled < users || sum(\.acknowledged) < sum(\.sent) || judgement.behind > 0
            || sum(\.sent) == 0 || wasCutShort
        let verdict: LoadReport.Verdict =
            judgement.violations.count > 0 ? .violation : isShort ? .shortfall : .pass
        let connects = sum(\.connects)
        let duration = Double(options.workload.duration.nanoseconds) / 1e9
        return LoadReport(
            workload: options.workload.name,
            url: options.endpoint.description,
            seed: options.seed,
            users: users,
            connected: settled,
            sent: sum(\.sent),
            acknowledged: sum(\.acknowledged),
            duplicates: sum(\.duplicates),
            resent: sum(\.resent),
            refused: sum(\.refused),
            gaveUp: sum(\.gaveUp),
            deliveriesExpected: judgement.expected,
            deliveriesReceived: sum(\.received),
            reconnects: connects > UInt64(users) ? connects - UInt64(users) : 0,
            unrecovered: sum(\.unrecovered),
            epochChanges: sum(\.epochChanges),
            sentAway: sum(\.sentAway),
            sendToAck: LoadReport.Percentiles(sendToAck),
            sendToDelivery: LoadReport.Percentiles(sendToDelivery),
            generatorLateness: LoadReport.Percentiles(lateness),
            deliveriesPerSecond: Double(sum(\.received)) / duration,
            messagesPerSecond: Double(sum(\.acknowledged)) / duration,
            seconds: seconds,
            sendingBeginsMilliseconds: options.workload.rampUp.nanoseconds / 1_000_000,
            sendingEndsMilliseconds: (options.workload.rampUp + options.workload.duration)
                .nanoseconds / 1_000_000,
            wasCutShort: wasCutShort,
            troubles: results.reduce(into: [:]) { $0.merge($1.troubles, uniquingKeysWith: +) },
            verdict: verdict,
            violationCount: judgement.violations.count,
            violations: judgement.violations.examples,
            series: series.series(until: Instant(nanoseconds: UInt64(seconds * 1e9))),
            sendToAckSpread: series.acknowledgements,
            sendToDeliverySpread: series.arrivals
        )
    }
}
