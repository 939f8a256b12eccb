import ClientProtocol
import Testing

/// The JSON grammar, tried through the field that holds any value.
struct ConformanceTests {
    static func frame(embedding value: [UInt8]) -> [UInt8] {
        Array(#"{"id":1,"publish":{"channel":"c","data":"#.utf8) + value + Array("}}".utf8)
    }

    /// The value as it would be relayed, or why it is refused.
    static func relayed(_ value: [UInt8]) -> Result<[UInt8], FrameError> {
        do throws(FrameError) {
            let command = try commands(in: Self.frame(embedding: value)).first
            guard case .publish(let request) = command?.method else { return .success([]) }
            return .success(request.data)
        } catch {
            return .failure(error)
        }
    }

    @Test(arguments: [
        "null", "true", "false", "0", "-0", "1", "-1", "10",
        "1234567890123456789012345678901234567890",
        "0.5", "-0.5", "1e5", "1E5", "1e+5", "1e-5", "0e0", "1.25e-300", "1e999999999", "-0.0E-0",
        #""""#, #""a""#, #""\"\\\/\b\f\n\r\t""#, #""\u0000""#, #""\u00e9""#, #""\uD83D\uDE00""#,
        #""\ud83d\ude00""#, "\"é€😀\"", "\"\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}\"",
        "\"\u{2028}\u{2029}\u{d7ff}\u{e000}\"", "[]", "{}", "[[]]", "[{}]", "[1,2,3]",
        #"{"":0}"#, #"{"a":1,"a":2}"#, #"{"a":{"b":[null,true,{"c":"d"}]}}"#,
        #""12345678""#, #""1234567\n""#, #""12345678\n""#, #""1234567é""#, #""]}""#, #"[" { "]"#,
    ])
    func `a compact value is relayed as it is`(value: String) {
        #expect(Self.relayed(Array(value.utf8)) == .success(Array(value.utf8)))
    }

    @Test(arguments: [
        ("[ ]", "[]"), ("{ }", "{}"), ("\t[\r1 ,\t2 ]", "[1,2]"), (#"{ "a" : 1 }"#, #"{"a":1}"#),
        (#"{"a" :1}"#, #"{"a":1}"#), (#"{"a": 1}"#, #"{"a":1}"#), (#"[1, 2]"#, "[1,2]"),
        (#"{"a":1, "b":2}"#, #"{"a":1,"b":2}"#),
        (#"[ "a b" , " \" , \\" ]"#, #"["a b"," \" , \\"]"#),
        ("[[1] ,[2]]", "[[1],[2]]"), (#"[1 ]"#, "[1]"),
    ])
    func `whitespace goes, but not that of strings`(value: String, compact: String) {
        #expect(Self.relayed(Array(value.utf8)) == .success(Array(compact.utf8)))
    }

    @Test(arguments: [
        "", "nul", "nulll", "True", "tru", "NaN", "Infinity", "-Infinity", "undefined", "'a'", "a",
        "-", "+1", "01", "-01", "1.", ".5", "1.e5", "1e", "1e+", "1e-", "0x10", "1_000", "1 2",
        "--1",
        "1.2.3", "1ee5", "\"", "\"a", #""\"#, #""\a""#, #""\x41""#, #""\u12""#, #""\u12g4""#,
        #""\U0041""#,
        #""\ud800""#, #""\udc00""#, #""\ud800\ud800""#, #""\ud800a""#, #""\ud800\n""#,
        #""\udc00\ud800""#,
        #""\ud800\u0041""#, "\"\t\"", "\"\u{0}\"", "\"\u{1f}\"", "[", "]", "[1", "[1,", "[1,]",
        "[,1]",
        "[,]", "[1 2]", "[1}", "{", "}", "{]", "{,}", "{1:2}", "{a:1}", "{'a':1}", #"{"a"}"#,
        #"{"a":}"#,
        #"{"a":1,}"#, #"{"a":1 "b":2}"#, #"{"a",1}"#, #"{"a"::1}"#, #"{"a":1"#, "[1]]", "{}}{",
        "/**/1",
        "1//", "#1", "\u{feff}1", "\u{a0}1", "\u{c}1", "[1\u{b}]", "\u{0}",
    ])
    func `what is not JSON is refused`(value: String) {
        guard case .failure = Self.relayed(Array(value.utf8)) else {
            Issue.record("accepted \(value)")
            return
        }
    }

    @Test(
        arguments: [
            [0x80], [0xbf], [0xc0, 0x80], [0xc1, 0xbf], [0xc2], [0xc2, 0x41], [0xe0, 0x80, 0x80],
            [0xe0, 0x9f, 0xbf], [0xe1, 0x80], [0xe1, 0x80, 0x41], [0xed, 0xa0, 0x80],
            [0xed, 0xbf, 0xbf],
            [0xf0, 0x80, 0x80, 0x80], [0xf0, 0x8f, 0xbf, 0xbf], [0xf1, 0x80, 0x80],
            [0xf4, 0x90, 0x80, 0x80],
            [0xf5, 0x80, 0x80, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80], [0xfe], [0xff],
            [0xf0, 0x9f, 0x98, 0x41], [0xf0, 0x9f, 0x41, 0x80],
        ] as [[UInt8]]
    )
    func `what is not UTF-8 is refused wherever it stands in a word`(sequence: [UInt8]) {
        for padding in 0..<9 {
            let quoted = [0x22] + [UInt8](repeating: 0x61, count: padding) + sequence + [0x22]
            guard case .failure(let error) = Self.relayed(quoted) else {
                Issue.record("accepted \(sequence) after \(padding) bytes")
                continue
            }
            let prefix = Self.frame(embedding: []).count - 2
            #expect(error == FrameError(.badUTF8, at: prefix + 1 + padding))
        }
    }

    @Test func `each byte is refused raw in a string or relayed, wherever it stands in a word`() {
        for byte in UInt8.min...0x7f {
            for padding in 0..<9 {
                let string =
                    [0x22] + [UInt8](repeating: 0x61, count: padding) + [byte]
                    + [UInt8](repeating: 0x62, count: 9) + [0x22]
                let isPlain = byte >= 0x20 && byte != 0x22 && byte != 0x5c
                // A backslash before a `b` is an escape; a quote ends the string too early.
                let isAccepted = isPlain || byte == 0x5c
                switch Self.relayed(string) {
                case .success(let relayed): #expect(isAccepted && relayed == string)
                case .failure: #expect(!isAccepted)
                }
            }
        }
    }

    @Test(arguments: [UInt8(ascii: "["), UInt8(ascii: "{")])
    func `a million levels are refused at the limit, without a stack`(kind: UInt8) {
        let level = kind == UInt8(ascii: "[") ? Array("[".utf8) : Array(#"{"a":"#.utf8)
        let nested = [[UInt8]](repeating: level, count: 1_000_000).flatMap(\.self)
        let prefix = Self.frame(embedding: []).count - 2
        let expected = FrameError(.tooDeep, at: prefix + 128 * level.count)
        #expect(Self.relayed(nested) == .failure(expected))
    }

    @Test func `the deepest value that is allowed is relayed, one more is not`() {
        func nested(_ depth: Int) -> [UInt8] {
            [UInt8](repeating: UInt8(ascii: "["), count: depth)
                + [UInt8](repeating: UInt8(ascii: "]"), count: depth)
        }
        #expect(Self.relayed(nested(128)) == .success(nested(128)))
        guard case .failure(let error) = Self.relayed(nested(129)) else {
            Issue.record("accepted 129 levels")
            return
        }
        #expect(error.reason == .tooDeep)
    }

    @Test func `mixed nesting must close in the order in which it opened`() {
        let good = #"[{"a":[{"b":[]}]}]"#
        #expect(Self.relayed(Array(good.utf8)) == .success(Array(good.utf8)))
        let bytes = Array(good.utf8)
        for index in bytes.indices {
            var broken = bytes
            switch bytes[index] {
            case UInt8(ascii: "]"): broken[index] = UInt8(ascii: "}")
            case UInt8(ascii: "}"): broken[index] = UInt8(ascii: "]")
            default: continue
            }
            guard case .failure = Self.relayed(broken) else {
                Issue.record("accepted \(String(decoding: broken, as: UTF8.self))")
                continue
            }
        }
    }
}
