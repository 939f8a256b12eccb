import ChatCore
import ClientProtocol
import Testing

/// What clients ask about accounts, and what they are told.
@Suite struct AccountQueryTests {
    private func parse(_ method: String, _ data: String) throws(FrameError) -> AccountQuery? {
        try AccountQuery.parse(method: method, Array(data.utf8).span)
    }

    @Test func `each rpc reads its fields`() throws {
        #expect(try self.parse("chat.block", #"{"user":"bob"}"#) == .block("bob"))
        #expect(try self.parse("chat.unblock", #"{"user":"bob","x":1}"#) == .unblock("bob"))
        #expect(try self.parse("chat.blocks", "") == .blocks(cursor: nil, limit: 0))
        #expect(
            try self.parse("chat.blocks", #"{"cursor":"c","limit":3}"#)
                == .blocks(cursor: "c", limit: 3)
        )
        #expect(try self.parse("keys.count", #"{"device":"d"}"#) == .count(device: "d"))
        #expect(try self.parse("keys.drop", #"{"device":"d"}"#) == .drop(device: "d"))
        #expect(
            try self.parse("keys.claim", #"{"user":"u"}"#) == .claim(user: "u", device: nil)
        )
        #expect(
            try self.parse("keys.claim", #"{"user":"u","device":"d"}"#)
                == .claim(user: "u", device: "d")
        )
        var keys = DeviceKeys(device: "d")
        #expect(
            try self.parse("keys.publish", #"{"device":"d","fallback":null}"#) == .publish(keys)
        )
        keys.identity = Array(#"{"sign":"AA=="}"#.utf8)
        keys.oneTime = [
            DirectoryKey(id: 1, key: Array(#""QQ==""#.utf8)),
            DirectoryKey(id: 7, key: Array(#"{"k":"Qg=="}"#.utf8)),
        ]
        keys.fallback = DirectoryKey(id: 9, key: Array(#""Rg==""#.utf8))
        let data = #"""
            {"device":"d","identity":{"sign": "AA=="},
             "one_time":[{"id":1,"key":"QQ=="},{"key":{"k":"Qg=="},"id":7}],
             "fallback":{"id":9,"key":"Rg=="}}
            """#
        #expect(try self.parse("keys.publish", data) == .publish(keys))
        #expect(try self.parse("keys.none", "{}") == nil)
    }

    @Test(arguments: [
        ("chat.block", "{}"), ("chat.block", #"{"user":""}"#), ("chat.block", #"{"user":7}"#),
        ("chat.unblock", "[]"), ("chat.blocks", #"{"limit":-1}"#), ("keys.count", "{}"),
        ("keys.claim", #"{"device":"d"}"#), ("keys.drop", ""), ("keys.publish", "{}"),
        ("keys.publish", #"{"device":"d","one_time":[{"id":0,"key":1}]}"#),
        ("keys.publish", #"{"device":"d","one_time":[{"id":1}]}"#),
        ("keys.publish", #"{"device":"d","one_time":[{"id":2,"key":1},{"id":2,"key":1}]}"#),
        ("keys.publish", #"{"device":"d","one_time":[{"id":2,"key":1},{"id":1,"key":1}]}"#),
        ("keys.publish", #"{"device":"d","fallback":{}}"#),
        ("keys.publish", #"{"device":"d","fallback":{"id":9223372036854775808,"key":1}}"#),
        ("keys.count", #"{"device":"d"}x"#),
    ])
    func `what lacks something or has it in the wrong order is refused`(
        _ method: String,
        _ data: String
    ) {
        #expect(throws: FrameError.self) { try self.parse(method, data) }
    }

    @Test func `keys, names and their number are bounded`() {
        let long = String(repeating: "x", count: AccountQuery.keyLimit - 2)
        func publish(_ key: String) -> String {
            #"{"device":"d","one_time":[{"id":1,"key":"\#(key)"}]}"#
        }
        #expect(throws: Never.self) { try self.parse("keys.publish", publish(long)) }
        #expect(throws: FrameError.self) { try self.parse("keys.publish", publish(long + "x")) }
        let name = String(repeating: "n", count: 256)
        #expect(throws: FrameError.self) { try self.parse("chat.block", #"{"user":"\#(name)"}"#) }
        let many = (1...201).map { #"{"id":\#($0),"key":1}"# }.joined(separator: ",")
        #expect(throws: FrameError.self) {
            try self.parse("keys.publish", #"{"device":"d","one_time":[\#(many)]}"#)
        }
    }

    @Test func `answers are JSON on one line`() {
        func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
        #expect(text(AccountResults.blocks([], cursor: "")) == #"{"users":[]}"#)
        #expect(
            text(AccountResults.blocks(["a", "\"b"], cursor: "c"))
                == #"{"users":["a","\"b"],"cursor":"c"}"#
        )
        #expect(
            text(AccountResults.count(oneTime: 2, published: 5, hasFallback: true))
                == #"{"one_time":2,"published":5,"fallback":true}"#
        )
        let key = DirectoryKey(id: 3, key: Array("7".utf8))
        let devices = [
            ClaimedDevice(device: "d", identity: [0x31], key: key, isFallback: false),
            ClaimedDevice(device: "e", identity: [], key: key, isFallback: true),
            ClaimedDevice(device: "f", identity: [], key: nil, isFallback: true),
        ]
        #expect(
            text(AccountResults.claimed(devices))
                == #"{"devices":[{"device":"d","identity":1,"one_time":{"id":3,"key":7}},"#
                + #"{"device":"e","fallback":{"id":3,"key":7}},{"device":"f"}]}"#
        )
    }
}
