import Testing

struct SeedTests {
    @Test func `a seed that breaks prints the command that runs it again`() async throws {
        let broken = try await #require(throws: Broken.self) {
            try await expectHolds(seed: 17, filter: "KillTests") { seed in
                try hold(seed != 17, "a planted fault")
            }
        }
        #expect(
            broken.description
                == "a planted fault\nagain: PARLEY_SEED=17 swift test --disable-xctest"
                + " --filter KillTests"
        )
    }
}
