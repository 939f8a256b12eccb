import ChatCore
import ClientModel
import Kernel
import Testing

@Suite struct ClientSubscriptionTests {
    private func position(_ offset: UInt64, _ epoch: Epoch = epoch) -> Position {
        Position(epoch: epoch, offset: Offset(offset))
    }

    /// Subscribed at 10, saw 11, lost its socket and has connected again.
    private func returned() -> Device {
        var device = Device()
        device.subscribe(head: 10)
        _ = device.socket(.publication(incoming(11)))
        _ = device.socket(.closed(code: 3001))
        _ = device.wait()
        let commands = requests(device.connect(2, command: 3))
        let since = RecoveryRequest(epoch: epoch, offset: Offset(11), refusesUnrecovered: false)
        #expect(commands == [.subscribe(conversation, since: since)])
        return device
    }

    @Test func `a new subscription is owed what follows the head`() {
        var device = Device()
        _ = device.connect()
        let reply = SocketEvent.reply(CommandID(2), .subscribed(subscribed(10, .notRequested)))
        #expect(
            observations(device.socket(reply)) == [
                .subscribed(conversation, from: self.position(10), hasLog: true)
            ]
        )
        #expect(
            observations(device.socket(.publication(incoming(11)))) == [
                .delivered(incoming(11), epoch)
            ]
        )
    }

    @Test func `a return recovers from the position`() {
        var device = self.returned()
        let reply = SocketEvent.reply(CommandID(4), .subscribed(subscribed(11, .recovered)))
        #expect(
            observations(device.socket(reply, 2)) == [
                .recovered(conversation, from: self.position(11))
            ]
        )
        let missed = incoming(12, .recovered)
        #expect(
            observations(device.socket(.publication(missed), 2)) == [.delivered(missed, epoch)]
        )
        #expect(device.client.isCaughtUp == true)
    }

    @Test func `what cannot be recovered is paged up to a head that moves`() {
        var cohort = Cohort()
        cohort.pageLimit = 300
        var device = self.returned()
        let reply = SocketEvent.reply(CommandID(4), .subscribed(subscribed(13, .unrecovered)))
        #expect(
            requests(device.socket(reply, 2)) == [
                .history(conversation, since: self.position(11), limit: 300)
            ]
        )
        // A live message beyond the gap is not shown before the gap is filled.
        #expect(device.socket(.publication(incoming(14)), 2).isEmpty)
        for offset in UInt64(12)...13 {
            let message = incoming(offset, .page)
            #expect(
                observations(device.socket(.publication(message), 2)) == [
                    .delivered(message, epoch)
                ]
            )
        }
        let first = ReplyOutcome.page(head: self.position(13), count: 2)
        #expect(
            requests(device.socket(.reply(CommandID(5), first), 2)) == [
                .history(conversation, since: self.position(13), limit: 300)
            ]
        )
        #expect(device.client.isCaughtUp == false)
        _ = device.socket(.publication(incoming(14, .page)), 2)
        let second = ReplyOutcome.page(head: self.position(14), count: 1)
        #expect(
            observations(device.socket(.reply(CommandID(6), second), 2)) == [
                .caughtUp(conversation, self.position(14))
            ]
        )
        #expect(device.client.isCaughtUp == true)
    }

    @Test func `a new epoch is declared and read from its start`() {
        var device = self.returned()
        let next = Epoch(10)
        let reply = subscribed(5, .unrecovered, epoch: next)
        let effects = device.socket(.reply(CommandID(4), .subscribed(reply)), 2)
        #expect(observations(effects).first == .epochChanged(conversation, from: epoch, to: next))
        #expect(
            requests(effects) == [
                .history(conversation, since: self.position(0, next), limit: 300)
            ]
        )
    }

    @Test func `a repeat on the live stream is dropped and is the server's fault`() {
        var device = Device()
        device.subscribe(head: 10)
        _ = device.socket(.publication(incoming(11)))
        #expect(
            observations(device.socket(.publication(incoming(11)))) == [
                .repeated(incoming(11), epoch, isExcused: false)
            ]
        )
    }

    @Test func `insufficient state subscribes again at once, and a server's unsubscribe does not`()
    {
        var device = Device()
        device.subscribe(head: 10)
        let again = device.socket(.unsubscribed(conversation, code: 2500))
        #expect(requests(again).count == 1)
        let ended = device.socket(.unsubscribed(conversation, code: 2000))
        #expect(ended == [.observe(.ended(conversation, code: 2000))])
    }

    @Test func `a temporary error subscribes again after a pause`() {
        var device = Device()
        _ = device.connect()
        let error = ReplyOutcome.error(code: 111, isTemporary: true)
        #expect(device.socket(.reply(CommandID(2), error)).isEmpty)
        #expect(requests(device.wait()) == [.subscribe(conversation, since: nil)])
        #expect(device.now <= .zero + .milliseconds(200))
    }

    @Test func `a subscribe without an answer ends the socket`() {
        var device = Device()
        _ = device.connect()
        #expect(device.wait().first == .closeSocket(SocketNumber(1)))
        #expect(device.now == .zero + .seconds(5))
    }

    @Test func `a reader of the whole log asks for it from the first message`() {
        var cohort = Cohort()
        cohort.readsWholeLog = true
        var device = Device(cohort: cohort)
        let since = RecoveryRequest(epoch: nil, offset: .start, refusesUnrecovered: false)
        #expect(requests(device.connect()) == [.subscribe(conversation, since: since)])
    }
}
