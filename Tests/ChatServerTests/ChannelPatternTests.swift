import ChatServer
import Testing

@Suite struct ChannelPatternTests {
    @Test(arguments: [
        ("", "anything:at#all", true), ("*", "", true), ("a*", "abc", true), ("a*", "ba", false),
        ("*a", "cba", true), ("*a*b*c*", "xaybzc", true), ("*a*b*c*", "xayczb", false),
        ("a?c", "abc", true), ("a?c", "ac", false), ("a[bc]d", "abd", true),
        ("a[!bc]d", "abd", false),
        ("a[b-d]e", "ace", true), ("[]a]x", "]x", true), ("[a-]x", "-x", true),
        ("\\*x", "*x", true),
        ("\\*x", "ax", false), ("a**b", "ab", true), ("abc", "abcd", false), ("?", "", false),
    ])
    func `a pattern fits the names that it says`(
        _ pattern: String,
        _ name: String,
        _ fits: Bool
    ) throws {
        #expect(try ChannelPattern(pattern).matches(name) == fits)
    }

    @Test(arguments: ["{a,b}", "[a", "[", "[z-a]", "a\\", String(repeating: "a", count: 256)])
    func `what is no pattern is refused`(_ pattern: String) {
        #expect(throws: ApiRefusal.self) { _ = try ChannelPattern(pattern) }
    }

    @Test func `a pattern made to take long does not`() throws {
        let pattern = try ChannelPattern(String(repeating: "*a", count: 120) + "b")
        let name = String(repeating: "a", count: 255)
        var fits = 0
        for _ in 0..<100 where pattern.matches(name) { fits += 1 }
        #expect(fits == 0)
    }
}
