import NIOCore
import NIOHTTP1

/// What a connection meets first: TLS if the server has a certificate, and the gate to sockets and HTTP.
struct Reception: Sendable {
    /// One for each event loop.
    let hosts: [NIOLoopBound<ShardHost>]
    let certificate: ServerCertificate?
    let origins: OriginPolicy
    let addresses: ClientAddresses?
    let arrivals: Arrivals
    /// Until the first request must have come whole, TLS included.
    let timeout: TimeAmount
    let api: ServerApi
    let media: MediaDesk?
    let metrics: @Sendable () -> EventLoopFuture<String>

    /// Makes the pipeline of a connection that was taken, or closes it if too many have just come; called on its
    /// loop.
    func receive(_ channel: any Channel) throws {
        guard self.arrivals.enter() else {
            channel.close(promise: nil)
            return
        }
        do {
            try self.addHandlers(to: channel)
        } catch {
            self.arrivals.leave()
            throw error
        }
    }

    private func addHandlers(to channel: any Channel) throws {
        guard let host = self.hosts.first(where: { $0.eventLoop === channel.eventLoop })
        else { preconditionFailure("each loop has a shard") }
        let pipeline = channel.pipeline.syncOperations
        var meter: WireMeter?
        if let certificate = self.certificate {
            let counted = WireMeter()
            try pipeline.addHandler(counted)
            try pipeline.addHandler(certificate.layer())
            meter = counted
        }
        let gate = UpgradeGate(
            upgrade: WebSocketUpgrade(
                host: host,
                origins: self.origins,
                addresses: self.addresses,
                meter: meter
            ),
            arrivals: self.arrivals,
            timeout: self.timeout
        ) { pipeline, due, refusal in
            let requests = PlainRequests(
                metrics: self.metrics,
                api: self.api,
                origins: self.origins,
                arrivals: self.arrivals,
                due: due,
                timeout: self.timeout,
                refusal: refusal
            )
            try pipeline.configureHTTPServerPipeline()
            if let media = self.media {
                try pipeline.addHandler(MediaRequests(desk: media, origins: self.origins))
            }
            try pipeline.addHandler(requests)
        }
        try pipeline.addHandler(gate)
    }
}
