/// A run in equal steps of time; every list but `busyNodes` has one number for each step.
package struct Series: Codable, Equatable, Sendable {
    /// Percentiles of the messages that were meant to be sent in each step, in microseconds; 0 where
    /// there was none.
    package struct Percentiles: Codable, Equatable, Sendable {
        package var p50: [UInt64] = []
        package var p99: [UInt64] = []

        package init() {}
    }

    /// The length of a step.
    package var stepMilliseconds: UInt64
    package var sent: [UInt64] = []
    package var acknowledged: [UInt64] = []
    package var deliveries: [UInt64] = []
    /// The fewest devices that were online at once; of several recorders, the sum of theirs.
    package var online: [UInt64] = []
    /// The most writes that waited for the store at once; empty where the store was not watched.
    package var storeQueue: [UInt64] = []
    package var sendToAck = Percentiles()
    package var sendToDelivery = Percentiles()
    /// For each node and step, the busy part of its cores in millionths; empty where the nodes were
    /// not watched.
    package var busyNodes: [[UInt64]] = []

    init(stepMilliseconds: UInt64) { self.stepMilliseconds = stepMilliseconds }
}
