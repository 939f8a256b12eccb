import ChatCore
import Kernel
import Testing

/// What application servers ask of a fleet whose bus and owners fail.
@Suite struct ServerRequestFleetTests {
    private final class Asker {
        let scene: PresenceScene
        var answers: [UInt64: [ServerResponse]] = [:]
        var asked: UInt64 = 0
        /// By message id, where its publishes were told to stand.
        var offsets: [UInt64: Set<Offset>] = [:]
        private var messages: [UInt64: UInt64] = [:]

        init(_ scene: PresenceScene) {
            self.scene = scene
            scene.fleet.onResponse = { [weak self] id, response in
                guard let self else { return }
                self.answers[id.rawValue, default: []].append(response)
                guard let message = self.messages[id.rawValue],
                    case .published(let reply) = response
                else { return }
                self.offsets[message, default: []].insert(reply.offset)
            }
        }

        private var name: ConversationReference {
            var reference = self.scene.reference
            reference.name = self.scene.fleet.makePayload()
            return reference
        }

        private var body: Body { Body(handle: self.scene.fleet.makePayload(), byteCount: 1) }

        /// Asks anything of a gateway.
        func ask() {
            let fleet = self.scene.fleet
            let client = self.scene.clients[Int(fleet.draw(below: 4))]
            self.asked += 1
            let request: ServerRequest
            switch fleet.draw(below: 9) {
            case 0, 1, 2:
                let message = fleet.draw(below: 9)
                self.messages[self.asked] = message
                request = .publish(self.name, MessageID(high: 1, low: message), self.body)
            case 3: request = .pass(self.name, self.body)
            case 4: request = .members(self.name)
            case 5: request = .counts(self.name)
            case 6:
                let page = HistoryRequest(since: nil, epoch: nil, limit: 9, isReversed: true)
                request = .history(self.name, page)
            case 7:
                let attendee = Attendee(info: fleet.makePayload(), wantsJoinLeave: true)
                let since = RecoveryRequest(
                    epoch: nil,
                    offset: Offset(fleet.draw(below: 4)),
                    refusesUnrecovered: false
                )
                request = .subscribe(client.handle, self.name, since: since, as: attendee)
            default: request = .unsubscribe(client.handle, client.conversation)
            }
            let event = ShardEvent.asked(ServerRequestID(self.asked), request)
            fleet.schedule(client.index, .event(event), after: .milliseconds(1))
        }
    }

    @Test(arguments: Layout.allCases, 1...12 as ClosedRange<UInt64>)
    func `each request is answered once, one id has one offset, and all bytes are given back`(
        _ layout: Layout,
        _ seed: UInt64
    ) {
        let scene = PresenceScene(layout, seed: seed, users: [1, 1, 2, 3])
        let asker = Asker(scene)
        let fleet = scene.fleet
        fleet.twinEvery = 67
        fleet.bus = .hostile
        fleet.appendFault = { _ in fleet.draw(below: 9) == 0 ? .unknownApplied : .none }
        for index in 0..<4 { scene.at(3_000 + UInt64(index) * 300) { scene.connect(index) } }
        for step in 0..<150 as Range<UInt64> { scene.at(4_000 + step * 90) { asker.ask() } }
        let dies = seed % 2 == 0 && layout == .apart
        if dies {
            scene.at(9_000) { scene.restart(1) }
            scene.at(12_000) { scene.restart(3) }
        }
        scene.at(20_000) { fleet.bus = .calm }
        scene.run(until: 40_000)
        #expect(asker.answers.count == 150)
        #expect(asker.answers.values.allSatisfy { $0.count == 1 })
        #expect(asker.offsets.values.allSatisfy { $0.count == 1 })
        #expect(asker.offsets.count > 3)
        for index in 0..<4 { scene.drop(index) }
        scene.run(until: 300_000)
        // What an owner held dies with it.
        #expect(dies || fleet.outstandingPayloads == 0)
        #expect(fleet.outstandingPages == [])
        #expect(fleet.twinDifferences == [])
    }
}
