import ClientModel
import Foundation
import Kernel
import Testing
import Workload

@Suite struct WorkloadReadingTests {
    @Test func `a sound file is read as it stands`() throws {
        let workload = try Workload(yaml: sound, file: "w.yaml")
        #expect(workload.users == 1_000)
        #expect(workload.messageRateMillionths == 10_000)
        #expect(workload.settle == .milliseconds(1_500))
        #expect(workload.meanAudienceMillionths == 10_000_000)
        #expect(workload.cohorts[1].cohort.commandTimeoutMilliseconds == 2_000)
        #expect(workload.cohorts[0].cohort.commandTimeoutMilliseconds == 5_000)
    }

    /// A line to replace, its replacement, and how the refusal begins.
    static let faults: [(String, String, String)] = [
        ("bodyBytes: 128", "bodyBytes: 1", "w.yaml:4: bodyBytes: 1 is out of range"),
        ("bodyBytes: 128", "bodyBites: 128", "w.yaml:1: has no key 'bodyBytes'"),
        ("rampUp: 20 s", "rampUp: 20", "w.yaml:5: rampUp: '20' has no known unit"),
        ("rampUp: 20 s", "rampUp: 20 s\npace: 3", "w.yaml:6: pace: unknown key"),
        ("users: 1000", "users: 0", "w.yaml:2: users: 0 is out of range"),
        ("users: 1000", "users: -5", "w.yaml:2: users: '-5' is not a whole number"),
        ("users: 1000", "users: [1]", "w.yaml:2: users: is a list"),
        ("users: 1000", "users: 1000\nusers: 2", "w.yaml:"),
        ("PerSecond: 0.01", "PerSecond: 0.0000001", "w.yaml:3: messagesPerSecond: '0.0000001'"),
        ("members: 10, ", "", "w.yaml:10: conversations[1]: has no key 'members'"),
        ("perUser: 3", "perUser: 127", "w.yaml:"),
        ("share: 3", "share: 3, mood: bad", "w.yaml:13: cohorts[0].mood: unknown key"),
        ("commandTimeout: 2 s", "commandTimeout: 2 h", "w.yaml:14: cohorts[1].commandTimeout"),
        ("name: sound", "name: [", "w.yaml:"),
        ("name: hasty", "name: sdk", "w.yaml:14: cohorts[1]: 'sdk' is there twice"),
    ]

    @Test(arguments: faults.indices)
    func `a fault is refused with its file, line, key and what was expected`(index: Int) throws {
        let (line, replacement, refusal) = Self.faults[index]
        let range = try #require(sound.range(of: line))
        let spoilt = sound.replacingCharacters(in: range, with: replacement)
        let error = #expect(throws: ModelError.self) {
            try Workload(yaml: spoilt, file: "w.yaml")
        }
        let text = try #require(error).description
        #expect(text.hasPrefix(refusal), "\(text)")
        #expect(text.contains("; expected "), "\(text)")
    }

    @Test(arguments: ["", "7", "- a", "\u{0}", "a: *b", "{{{{"])
    func `what is no mapping is refused, not crashed on`(text: String) {
        #expect(throws: ModelError.self) { try Workload(yaml: text, file: "w.yaml") }
    }

    @Test func `the committed workloads are sound`() throws {
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        for name in ["standard", "smoke"] {
            let path = root.joined(separator: "/") + "/models/workloads/\(name).yaml"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let workload = try Workload(yaml: text, file: path)
            #expect(workload.name == name)
        }
    }
}
