import Foundation
import Testing

extension Hostile {
    struct StormTests {
        @Test(arguments: ["on", "off"])
        func `everybody who is cut off comes back with all that was missed`(
            admission: String
        )
            async throws
        {
            try await expectHolds(admission) { admission in
                let (text, code) = try run(
                    ServerProcess.command,
                    [
                        "bench", "storm", "--connections", "300", "--live", "10",
                        "--admission", admission, "--json",
                    ]
                )
                try hold(code == 0, text)
                let result = try JSONDecoder().decode(Output.self, from: Data(text.utf8))
                let storm = try #require(result.storms.first)
                try hold(storm.cut == 290 && storm.recovered.missing == 0, text)
                try hold(storm.recovered.all > 0 && storm.liveMeanwhile.deliveries > 0, text)
                try hold(storm.deliveriesReceived == storm.deliveriesExpected, text)
                try hold(storm.sent > 0 && storm.acknowledged == storm.sent, text)
            }
        }

        private struct Output: Decodable {
            struct Storm: Decodable {
                struct Times: Decodable {
                    var all: Double
                    var missing: Int
                }

                struct Latencies: Decodable { var deliveries: Int }

                var cut: Int
                var recovered: Times
                var liveMeanwhile: Latencies
                var sent: Int
                var acknowledged: Int
                var deliveriesExpected: Int
                var deliveriesReceived: Int
            }

            var storms: [Storm]
        }
    }
}
