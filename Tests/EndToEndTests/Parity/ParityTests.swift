import FleetSimulation
import Testing

/// The core cannot tell the live host from the simulator.
@Suite(.serialized, .tags(.socket)) struct ParityTests {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func `a conversation leaves one core trace in the live host and in the simulator`(
        seed: UInt64
    ) async throws {
        let simulated = try SimulatedRun(Step.conversation, seed: seed)
        let live = try await LiveRun(Step.conversation, lineCounts: simulated.lineCounts)
        #expect(simulated.projection.connections.count == 3)
        #expect(simulated.projection.conversations.count == 1)
        #expect(live.projection.connections == simulated.projection.connections)
        #expect(live.projection.conversations == simulated.projection.conversations)
    }

    @Test(arguments: [
        PlantedBug.deniesDuplicates, .acknowledgesWrongOffset, .forgetsAbsence,
        .subscribesBeyondHead,
    ])
    func `a simulator with a bug of its own leaves another trace than the live host`(
        bug: PlantedBug
    ) async throws {
        let sound = try SimulatedRun(Step.conversation, seed: 1)
        let live = try await LiveRun(Step.conversation, lineCounts: sound.lineCounts)
        #expect(live.projection == sound.projection)
        let broken = try SimulatedRun(Step.conversation, seed: 1, bug: bug)
        #expect(live.projection != broken.projection)
    }
}
