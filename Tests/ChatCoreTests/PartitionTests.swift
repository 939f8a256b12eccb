import ChatCore
import Kernel
import Testing

struct PartitionTests {
    @Test func `a change of a lease concerns the feeds of its partition and no others`() {
        let owner = ShardID(node: NodeID(9), index: 0)
        let stepper = ShardStepper()
        let client = stepper.admit(slot: 0)
        let ids = (0..<100).map { ConversationID(high: KeyedRandom.mix($0), low: $0) }
        for index in 0..<64 as Range<UInt16> {
            _ = stepper.send(.lease(PartitionID(index), Term(1), owner: owner))
        }
        for id in ids {
            let reference = ConversationReference(id: id, namespace: 0, name: .none)
            _ = stepper.send(.command(client, CommandID(2), .subscribe(reference, since: nil)))
            let head = StreamHead(epoch: Epoch(1), offset: .start)
            _ = stepper.send(.peer(owner, stepper.interested(id, Term(1), head)))
        }
        // Some go, so that the lists have lost rows at either end and in between.
        let gone = ids.filter { KeyedRandom.mix($0.low) & 1 == 0 }
        let left = ids.filter { KeyedRandom.mix($0.low) & 1 == 1 }
        for id in gone { _ = stepper.send(.command(client, CommandID(3), .unsubscribe(id))) }
        _ = stepper.advance(by: .seconds(2))
        for index in 0..<64 as Range<UInt16> {
            let partition = PartitionID(index)
            _ = stepper.send(.lease(partition, Term(2), owner: owner))
            var asked: [UInt64] = []
            for case .peer(owner, .interest(let interest)) in stepper.advance(by: .zero) {
                asked.append(interest.conversation.low)
            }
            let expected = left.filter { PartitionID(of: $0, count: 64) == partition }
            #expect(asked.sorted() == expected.map(\.low))
        }
        #expect(left.count > 30 && gone.count > 30)
    }
}
