import Kernel
import Measurement
import Testing

struct SeriesRecorderTests {
    static func at(_ milliseconds: UInt64) -> Instant {
        .zero + .milliseconds(milliseconds)
    }

    @Test(arguments: [(15, 100), (17, 200), (120, 1_000), (86_400, 600_000), (259_200, 3_600_000)])
    func `a run of any length has at most 150 steps`(seconds: UInt64, step: UInt64) {
        let end = Self.at(seconds * 1_000)
        let series = SeriesRecorder(end: end, devices: 0, coresOfNodes: []).series(until: end)
        #expect(series.stepMilliseconds == step)
        #expect(series.sent.count <= SeriesRecorder.stepLimit)
        #expect(UInt64(series.sent.count) * step >= seconds * 1_000)
    }

    @Test func `a latency belongs to the step in which its message was meant to be sent`() {
        var recorder = SeriesRecorder(end: Self.at(10_000), devices: 1, coresOfNodes: [])
        recorder.sent(at: Self.at(50))
        recorder.acknowledged(Self.at(50), now: Self.at(950))
        recorder.delivered(Self.at(50), now: Self.at(1_250))
        recorder.delivered(nil, now: Self.at(1_260))
        let series = recorder.series(until: Self.at(10_000))
        #expect(series.sent[0] == 1)
        #expect(series.acknowledged[9] == 1)
        #expect(series.deliveries[12] == 2)
        for (found, expected) in [
            (series.sendToAck.p99[0], 900_000), (series.sendToDelivery.p50[0], 1_200_000),
        ] {
            #expect(found > expected * 96 / 100 && found < expected * 104 / 100)
        }
        #expect(series.sendToAck.p99[9] == 0)
        #expect(recorder.acknowledgements.counts == [1])
        #expect(recorder.arrivals.counts == [1])
    }

    @Test func `percentiles are of ranks and within a bucket of the truth`() {
        var recorder = SeriesRecorder(end: Self.at(10_000), devices: 1, coresOfNodes: [])
        for latency in UInt64(1)...1_000 {
            recorder.acknowledged(.zero, now: .zero + .microseconds(latency * 1_000))
        }
        let series = recorder.series(until: Self.at(10_000))
        #expect((482_000...518_000).contains(series.sendToAck.p50[0]))
        #expect((955_000...1_025_000).contains(series.sendToAck.p99[0]))
        let spread = recorder.acknowledgements
        #expect(spread.upTo == spread.upTo.sorted())
        #expect(spread.counts.reduce(0, +) == 1_000)
    }

    @Test func `online devices are counted once, and a step shows the fewest of them`() {
        var recorder = SeriesRecorder(end: Self.at(1_000), devices: 2, coresOfNodes: [])
        recorder.noted(device: 0, isOnline: true, now: Self.at(10))
        recorder.noted(device: 0, isOnline: true, now: Self.at(20))
        recorder.noted(device: 1, isOnline: false, now: Self.at(30))
        recorder.noted(device: 1, isOnline: true, now: Self.at(250))
        recorder.noted(device: 0, isOnline: false, now: Self.at(550))
        let online = recorder.series(until: Self.at(1_000)).online
        #expect(online == [0, 1, 1, 2, 2, 1, 1, 1, 1, 1])
    }

    @Test func `work is charged to the steps that it spans, by cores`() {
        var recorder = SeriesRecorder(end: Self.at(1_000), devices: 0, coresOfNodes: [1, 2])
        recorder.busy(node: 0, for: .milliseconds(150), now: Self.at(50))
        recorder.busy(node: 1, for: .milliseconds(100), now: Self.at(900))
        recorder.busy(node: 1, for: .milliseconds(500), now: Self.at(950))
        let series = recorder.series(until: Self.at(1_000))
        #expect(series.busyNodes[0] == [500_000, 1_000_000, 0, 0, 0, 0, 0, 0, 0, 0])
        #expect(series.busyNodes[1][9] == 750_000)
    }

    @Test func `a queue's peak outlives its step until the queue shrinks`() {
        var recorder = SeriesRecorder(end: Self.at(500), devices: 0, coresOfNodes: [1])
        recorder.storeQueue(3, now: Self.at(10))
        recorder.storeQueue(1, now: Self.at(20))
        recorder.storeQueue(0, now: Self.at(350))
        #expect(recorder.series(until: Self.at(500)).storeQueue == [3, 1, 1, 1, 0])
    }

    @Test func `recorders of two event loops add up`() {
        var first = SeriesRecorder(end: Self.at(300), devices: 1, coresOfNodes: [])
        var second = first
        first.noted(device: 0, isOnline: true, now: Self.at(10))
        second.noted(device: 0, isOnline: true, now: Self.at(110))
        second.sent(at: Self.at(120))
        second.acknowledged(Self.at(120), now: Self.at(130))
        first.merge(second)
        let series = first.series(until: Self.at(300))
        #expect(series.online == [0, 1, 2])
        #expect(series.sent == [0, 1, 0])
        #expect(first.acknowledgements.counts == [1])
    }

    @Test func `a run that ended early has no steps after its end`() {
        let recorder = SeriesRecorder(end: Self.at(1_000), devices: 0, coresOfNodes: [])
        #expect(recorder.series(until: Self.at(310)).sent.count == 4)
    }
}
