import ChatCore
import ClientModel
import Kernel
import Testing

@Suite struct ClientWhimTests {
    @Test(arguments: [false, true])
    func `a device that leaves says so or not, and comes back when its time is over`(
        isSilent: Bool
    ) {
        var device = Device()
        device.subscribe(head: 5)
        let until = device.now + .seconds(3)
        let effects = device.take(.leave(until: until, isSilent: isSilent))
        let first = SocketNumber(1)
        #expect(effects.first == (isSilent ? .abandonSocket(first) : .closeSocket(first)))
        let isOnline = device.client.isOnline
        #expect(!isOnline)
        #expect(device.socket(.publication(incoming(6))) == [], "it hears nothing meanwhile")
        #expect(device.wait() == [.openSocket(SocketNumber(2))])
        #expect(device.now == until)
    }

    @Test func `an eager device does not wait for the answer to connect, and asks once`() {
        var cohort = Cohort()
        cohort.isEager = true
        var device = Device(cohort: cohort)
        _ = device.take(.start)
        _ = device.take(.send(outgoing(1)))
        let opened = requests(device.socket(.opened))
        #expect(
            opened == [.connect, .subscribe(conversation, since: nil), .send(outgoing(1))]
        )
        let reply = ReplyOutcome.connected(pingInterval: .seconds(25), expectsPongs: true)
        #expect(requests(device.socket(.reply(CommandID(1), reply))) == [])
    }

    @Test(arguments: Trespass.allCases)
    func `a breach is told as punished or as let pass`(trespass: Trespass) {
        let code: UInt16 = trespass == .silence ? 3502 : 3501
        var sentAway = Device()
        sentAway.subscribe(head: 5)
        _ = sentAway.take(.trespass(trespass))
        let isNew = trespass == .silence || trespass == .commandBeforeConnect
        let socket: UInt32 = isNew ? 2 : 1
        if isNew { _ = sentAway.socket(.opened, socket) }
        let closed = observations(sentAway.socket(.closed(code: code), socket))
        #expect(closed == [.sentAway(trespass)])

        var tolerated = Device()
        tolerated.subscribe(head: 5)
        var probes = tolerated.take(.trespass(trespass))
        if isNew { probes += tolerated.socket(.opened, socket) }
        guard trespass != .silence else {
            #expect(observations(tolerated.wait()) == [.tolerated(trespass)])
            return
        }
        guard case .command(_, let probe, .history) = probes.last else {
            Issue.record("it asks something behind its breach: \(probes)")
            return
        }
        let answer = ReplyOutcome.error(code: 108, isTemporary: false)
        let answered = observations(tolerated.socket(.reply(probe, answer), socket))
        #expect(answered == [.tolerated(trespass)])
    }
}
