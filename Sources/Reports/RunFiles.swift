import Crypto
package import Foundation
import Measurement

/// A run's folder, read: what its result says, and the digests of the files that made it.
package struct RunFiles: Sendable {
    /// A model file of a run.
    package struct Model: Sendable {
        package var name: String
        /// SHA-256 of the file's bytes, in hexadecimal.
        package var digest: String
    }

    package var run: RunDocument
    package var models: [Model]

    /// Reads `run.json`, and whichever model files stand beside it.
    package init(folder: URL) throws(ReportError) {
        let file = folder.appendingPathComponent("run.json")
        let expected = "expected a folder that `parley simulate --out` or `parley load --out` wrote"
        guard let data = FileManager.default.contents(atPath: file.path) else {
            throw ReportError("\(file.relativePath): cannot be read; \(expected)")
        }
        do {
            self.run = try JSONDecoder().decode(RunDocument.self, from: data)
        } catch let error as DecodingError {
            throw ReportError("\(file.relativePath): \(Self.words(error)); \(expected)")
        } catch {
            throw ReportError("\(file.relativePath): \(error); \(expected)")
        }
        if let fault = Self.fault(of: self.run) {
            throw ReportError("\(file.relativePath): \(fault); \(expected)")
        }
        self.models = []
        for name in ["scenario.yaml", "workload.yaml", "host.yaml"] {
            let path = folder.appendingPathComponent(name).path
            guard let data = FileManager.default.contents(atPath: path) else { continue }
            let digest = SHA256.hash(data: data).map { byte in
                let digits = String(byte, radix: 16)
                return byte < 16 ? "0\(digits)" : digits
            }
            self.models.append(Model(name: name, digest: digest.joined()))
        }
    }

    /// What keeps a run from being shown: steps that do not belong together.
    private static func fault(of run: RunDocument) -> String? {
        let series = run.series
        let count = series.sent.count
        guard count > 0, series.stepMilliseconds > 0 else { return "series: has no steps" }
        var lists: [(String, [UInt64])] = [
            ("acknowledged", series.acknowledged), ("deliveries", series.deliveries),
            ("online", series.online), ("sendToAck.p50", series.sendToAck.p50),
            ("sendToAck.p99", series.sendToAck.p99),
            ("sendToDelivery.p50", series.sendToDelivery.p50),
            ("sendToDelivery.p99", series.sendToDelivery.p99),
        ]
        if !series.storeQueue.isEmpty { lists.append(("storeQueue", series.storeQueue)) }
        for (node, list) in series.busyNodes.enumerated() {
            lists.append(("busyNodes[\(node)]", list))
        }
        for (name, list) in lists where list.count != count {
            return "series.\(name): has \(list.count) steps, and sent has \(count)"
        }
        for spread in [run.sendToAckSpread, run.sendToDeliverySpread]
        where spread.upTo.count != spread.counts.count {
            return "a spread's steps and counts differ in number"
        }
        return nil
    }

    private static func words(_ error: DecodingError) -> String {
        func path(_ context: DecodingError.Context, _ key: (any CodingKey)? = nil) -> String {
            let keys = context.codingPath + (key.map { [$0] } ?? [])
            return keys.isEmpty ? "" : keys.map(\.stringValue).joined(separator: ".") + ": "
        }
        switch error {
        case .keyNotFound(let key, let context): return path(context, key) + "is missing"
        case .typeMismatch(let type, let context): return path(context) + "is no \(type)"
        case .valueNotFound(let type, let context): return path(context) + "is null, not a \(type)"
        case .dataCorrupted(let context): return path(context) + context.debugDescription
        @unknown default: return "\(error)"
        }
    }

    /// The digest of the workload's file, if the run has one.
    var workloadDigest: String? { self.models.first { $0.name == "workload.yaml" }?.digest }
}
