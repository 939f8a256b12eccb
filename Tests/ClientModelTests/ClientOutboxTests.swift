import ChatCore
import ClientModel
import Kernel
import Testing

@Suite struct ClientOutboxTests {
    private let position = Position(epoch: epoch, offset: Offset(1))

    @Test func `a message is sent again under its id until it is acknowledged`() {
        var device = Device()
        device.subscribe(head: 0)
        #expect(requests(device.take(.send(outgoing(1)))) == [.send(outgoing(1))])
        _ = device.socket(.closed(code: 1006))
        #expect(device.wait() == [.openSocket(SocketNumber(2))])
        let again = device.connect(2, command: 4)
        #expect(requests(again).last == .send(outgoing(1)))
        #expect(observations(again).last == .resent(outgoing(1).id))
        let acknowledged = device.socket(
            .reply(CommandID(6), .sent(self.position, isDuplicate: true)),
            2
        )
        #expect(
            observations(acknowledged) == [
                .acknowledged(outgoing(1), self.position, isDuplicate: true)
            ]
        )
        #expect(device.client.unacknowledgedCount == 0)
    }

    @Test func `a temporary error is followed by the same message after a pause`() {
        var device = Device()
        device.subscribe(head: 0)
        _ = device.take(.send(outgoing(1)))
        let error = ReplyOutcome.error(code: 100, isTemporary: true)
        #expect(device.socket(.reply(CommandID(3), error)).isEmpty)
        #expect(requests(device.wait()) == [.send(outgoing(1))])
        #expect(device.now >= .zero + .milliseconds(100))
        #expect(device.now <= .zero + .milliseconds(200))
    }

    @Test func `a send without an answer is repeated on the same socket`() {
        var device = Device()
        device.subscribe(head: 0)
        _ = device.take(.send(outgoing(1)))
        #expect(device.wait().isEmpty)
        #expect(device.now == .zero + .seconds(5))
        #expect(requests(device.wait()) == [.send(outgoing(1))])
    }

    @Test func `a final error gives the message up`() {
        var device = Device()
        device.subscribe(head: 0)
        _ = device.take(.send(outgoing(1)))
        let error = ReplyOutcome.error(code: 107, isTemporary: false)
        let effects = device.socket(.reply(CommandID(3), error))
        #expect(observations(effects) == [.gaveUp(outgoing(1).id, code: 107)])
    }

    @Test func `a late acknowledgement of an abandoned attempt does not count for the next`() {
        var device = Device()
        device.subscribe(head: 0)
        _ = device.take(.send(outgoing(1)))
        _ = device.wait()
        let late = SocketEvent.reply(CommandID(3), .sent(self.position, isDuplicate: false))
        #expect(device.socket(late).isEmpty)
        #expect(device.client.unacknowledgedCount == 1)
    }

    @Test func `a full outbox refuses`() {
        var cohort = Cohort()
        cohort.sendLimit = 2
        var device = Device(cohort: cohort)
        #expect(device.take(.send(outgoing(1))).isEmpty)
        #expect(device.take(.send(outgoing(2))).isEmpty)
        #expect(device.take(.send(outgoing(3))) == [.observe(.refused(outgoing(3).id))])
    }
}
