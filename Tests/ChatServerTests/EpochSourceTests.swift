import ChatServer
import Kernel
import Testing

struct EpochSourceTests {
    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func `a renewed epoch follows the former one, and none is 0`(_ incarnation: UInt64) {
        let source = EpochSource(incarnation: incarnation)
        let conversation = ConversationID(high: incarnation, low: 7)
        let epochs = (0..<9).map { source.epoch(of: conversation, generation: $0) }
        for (former, next) in zip(epochs, epochs.dropFirst()) { #expect(next.follows(former)) }
        // All the way round: whatever the first epoch is, the count passes where 0 would be.
        let first = source.epoch(of: conversation, generation: 0)
        let last = source.epoch(of: conversation, generation: UInt64(UInt32.max - first.rawValue))
        let wrapped = source.epoch(
            of: conversation,
            generation: UInt64(UInt32.max - first.rawValue) + 1
        )
        #expect(last == Epoch(.max) && wrapped == Epoch(1) && wrapped.follows(last))
    }
}
