import Histogram
package import Measurement

/// What a run of the load generator measured and found.
package struct LoadReport: Encodable, Sendable {
    /// What makes the run again, and the tool's version; set by whoever knows them.
    package var command = ""
    package var version = ""
    /// As opposed to `simulated`.
    package var kind = "live"
    package var workload: String
    package var url: String
    package var seed: UInt64
    package var users: Int
    /// Online when sending had ended and the clients had settled.
    package var connected: Int
    package var sent: UInt64
    package var acknowledged: UInt64
    /// Acknowledged as sent before; the message stands in the log once.
    package var duplicates: UInt64
    package var resent: UInt64
    /// On the device, because too many waited.
    package var refused: UInt64
    package var gaveUp: UInt64
    package var deliveriesExpected: UInt64
    package var deliveriesReceived: UInt64
    package var reconnects: UInt64
    package var unrecovered: UInt64
    package var epochChanges: UInt64
    /// Devices that broke the protocol and were closed for it.
    package var sentAway: UInt64
    package var sendToAck: Percentiles
    package var sendToDelivery: Percentiles
    /// How late the generator itself was.
    package var generatorLateness: Percentiles
    package var deliveriesPerSecond: Double
    package var messagesPerSecond: Double
    package var seconds: Double
    package var sendingBeginsMilliseconds: UInt64
    package var sendingEndsMilliseconds: UInt64
    /// Whether somebody ended the run early; it then falls short at best.
    package var wasCutShort: Bool
    /// Why sockets did not open, or were closed by the server, and how many.
    package var troubles: [String: UInt64]
    /// `pass`, `shortfall` or `violation`.
    package var verdict: Verdict
    package var violationCount: UInt64
    /// The first of them.
    package var violations: [String]
    package var series: Series
    package var sendToAckSpread: Distribution
    package var sendToDeliverySpread: Distribution

    package enum Verdict: String, Encodable, Sendable {
        case pass
        /// Something was not sent, not acknowledged or not received in time; nothing was broken.
        case shortfall
        /// A promise was broken.
        case violation

        package var exitCode: Int32 {
            switch self {
            case .pass: 0
            case .shortfall: 1
            case .violation: 3
            }
        }
    }

    /// In milliseconds.
    package struct Percentiles: Encodable, Sendable {
        package var p50: Double
        package var p90: Double
        package var p99: Double
        package var p999: Double

        init(_ microseconds: Histogram<UInt64>) {
            self.p50 = Double(microseconds.valueAtPercentile(50)) / 1_000
            self.p90 = Double(microseconds.valueAtPercentile(90)) / 1_000
            self.p99 = Double(microseconds.valueAtPercentile(99)) / 1_000
            self.p999 = Double(microseconds.valueAtPercentile(99.9)) / 1_000
        }
    }
}
