import ChatCore
import ClientModel
import Kernel
import Testing

@Suite struct ClientConnectionTests {
    @Test func `it opens, connects and subscribes`() {
        var device = Device([7, 8])
        #expect(device.take(.start) == [.openSocket(SocketNumber(1))])
        #expect(device.socket(.opened) == [.command(SocketNumber(1), CommandID(1), .connect)])
        let reply = SocketEvent.reply(
            CommandID(1),
            .connected(pingInterval: .seconds(25), expectsPongs: true)
        )
        #expect(
            requests(device.socket(reply)) == [
                .subscribe(ConversationNumber(7), since: nil),
                .subscribe(ConversationNumber(8), since: nil),
            ]
        )
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `the wait before a socket is the minimum plus a jitter below the doubled bound`(
        seed: UInt64
    ) {
        var device = Device(seed: seed)
        _ = device.take(.start)
        for attempt in 0..<UInt64(12) {
            let failed = device.now
            _ = device.socket(.failed, UInt32(attempt) + 1)
            let wait = (device.client.nextDeadline ?? .never) - failed
            let bound = min(Interval.seconds(20), .milliseconds(100) * (1 << attempt))
            #expect(wait >= .milliseconds(100))
            #expect(wait <= .milliseconds(100) + bound)
            #expect(device.wait() == [.openSocket(SocketNumber(UInt32(attempt) + 2))])
        }
    }

    @Test func `waits of different clients and attempts differ`() {
        var waits: Set<UInt64> = []
        for seed in UInt64(1)...50 {
            var device = Device(seed: seed)
            _ = device.take(.start)
            _ = device.socket(.failed)
            waits.insert((device.client.nextDeadline ?? .never).nanoseconds)
        }
        #expect(waits.count == 50)
    }

    @Test func `a ping is answered at once and moves the deadline`() {
        var device = Device()
        device.subscribe(head: 0)
        #expect(device.client.nextDeadline == .zero + .seconds(35))
        device.now = .zero + .seconds(20)
        #expect(device.socket(.ping) == [.pong(SocketNumber(1))])
        #expect(device.client.nextDeadline == .zero + .seconds(55))
    }

    @Test func `traffic does not stand for a ping`() {
        var device = Device()
        device.subscribe(head: 0)
        device.now = .zero + .seconds(30)
        _ = device.socket(.publication(incoming(1)))
        #expect(device.wait().first == .closeSocket(SocketNumber(1)))
        #expect(device.now == .zero + .seconds(35))
    }

    @Test func `a connect without an answer is given up after five seconds`() {
        var device = Device()
        _ = device.take(.start)
        _ = device.socket(.opened)
        #expect(device.wait().first == .closeSocket(SocketNumber(1)))
        #expect(device.now == .zero + .seconds(5))
    }

    @Test(
        arguments: [
            (1000, true), (1006, true), (1009, false), (3001, true), (3012, true), (3499, true),
            (3500, false), (3999, false), (4000, true), (4499, true), (4500, false), (4999, false),
            (5000, true),
        ] as [(UInt16, Bool)]
    )
    func `a close code decides whether the client returns`(code: UInt16, returns: Bool) {
        var device = Device()
        device.subscribe(head: 0)
        _ = device.socket(.closed(code: code))
        #expect((device.client.nextDeadline != nil) == returns)
        #expect(device.client.hasStopped == !returns)
    }

    @Test func `what comes from an older socket changes nothing`() {
        var device = Device()
        device.subscribe(head: 0)
        _ = device.socket(.closed(code: 3001))
        _ = device.wait()
        let deadline = device.client.nextDeadline
        #expect(device.socket(.publication(incoming(1)), 1).isEmpty)
        #expect(device.socket(.closed(code: 3500), 1).isEmpty)
        #expect(device.client.nextDeadline == deadline)
    }

    @Test func `an early wake-up changes nothing`() {
        var device = Device()
        device.subscribe(head: 0)
        let deadline = device.client.nextDeadline
        #expect(device.wake(at: .zero + .seconds(34)).isEmpty)
        #expect(device.client.nextDeadline == deadline)
    }

    @Test func `a stop closes the socket and is final`() {
        var device = Device()
        device.subscribe(head: 0)
        #expect(device.take(.stop) == [.closeSocket(SocketNumber(1))])
        #expect(device.client.nextDeadline == nil)
        #expect(device.take(.start).isEmpty)
    }

    @Test func `a client without its rows takes at most 200 bytes`() {
        #expect(MemoryLayout<Client>.stride <= 200)
    }
}
