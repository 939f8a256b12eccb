import Kernel

/// What a shard refuses while its queue is long.
extension Shard {
    mutating func onLoad(lag: Interval) {
        if self.configuration.overload != nil { self.lag = lag }
    }

    /// Why a command is not worked now; `nil` if it is.
    func refusal(of command: Command) -> ErrorCode? {
        guard let policy = self.configuration.overload, self.lag > policy.history else {
            return nil
        }
        let limit =
            switch command {
            case .presence(.members), .presence(.counts), .presence(.choose): policy.history
            case .history, .mark, .list, .typing: policy.history
            case .publish, .send, .operate, .account: policy.messages
            case .subscribe, .subscribeByToken: policy.everything
            // Costs less than its refusal, or frees something.
            case .connect, .unsubscribe, .refresh, .subRefresh, .refused, .presence(.watch),
                .presence(.unwatch):
                Interval?.none
            }
        guard let limit, self.lag > limit else { return nil }
        return .tooManyRequests
    }

    /// The same of what an application server asks.
    func refusal(of request: ServerRequest) -> ErrorCode? {
        guard let policy = self.configuration.overload else { return nil }
        let limit =
            switch request {
            case .history, .members, .counts: policy.history
            case .publish, .pass: policy.messages
            case .subscribe: policy.everything
            case .unsubscribe, .disconnect, .refresh: Interval?.none
            }
        guard let limit, self.lag > limit else { return nil }
        return .tooManyRequests
    }

    /// Whether a connect has waited so long that its client has given up.
    var refusesConnects: Bool {
        self.configuration.overload.map { self.lag > $0.everything } ?? false
    }
}
