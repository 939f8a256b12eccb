import ChatCore
import ClientProtocol
import Testing

@Suite struct ApiRequestTests {
    private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    private static func request(_ text: String) throws -> ApiRequest {
        let bytes = Self.bytes(text)
        return try ApiRequest(parsing: bytes.span)
    }

    private static func batch(_ text: String) throws -> ApiBatch {
        let bytes = Self.bytes(text)
        return try ApiBatch(parsing: bytes.span)
    }

    @Test func `every field of a request is read, and what nobody knows is skipped`() throws {
        let text = """
            {"channel":"a","channels":["b","c"],"user":"u","client":"i","session":"s",
             "whitelist":["w"],"data":{"n": 1},"b64data":"e30=","info":[2],"b64info":"Mw==",
             "tags":{"t":"v","u":"w","t":"x"},"skip_history":true,"idempotency_key":"k","limit":-1,
             "since":{"offset":9,"epoch":"e"},"recover_since":{"offset":8},"reverse":true,
             "disconnect":{"code":4000,"reason":"r","more":0},"expired":true,"expire_at":-5,
             "pattern":"*","version":0,"delta":true,"unknown":[{"deep":null}],
             "override":{"presence":{"value":true},"join_leave":{},"force_recovery":null,
             "force_push_join_leave":{"value":false}}}
            """
        let request = try Self.request(text)
        var expected = ApiRequest()
        expected.channel = "a"
        expected.channels = ["b", "c"]
        expected.user = "u"
        expected.client = "i"
        expected.session = "s"
        expected.spared = ["w"]
        expected.terms.data = Self.bytes("{\"n\":1}")
        expected.terms.base64Data = "e30="
        expected.terms.info = Self.bytes("[2]")
        expected.terms.base64Info = "Mw=="
        expected.terms.override.presence = true
        expected.terms.override.joinLeave = false
        expected.terms.override.forcesPushJoinLeave = false
        expected.tags = [Publication.Tag("t", "x"), Publication.Tag("u", "w")]
        expected.skipsHistory = true
        expected.idempotencyKey = "k"
        expected.limit = -1
        expected.since = StreamPosition(offset: 9, epoch: "e")
        expected.recoverSince = StreamPosition(offset: 8, epoch: "")
        expected.reverse = true
        expected.disconnect = DisconnectPush(code: 4_000, reason: "r", reconnect: false)
        expected.isExpired = true
        expected.expireAt = -5
        expected.pattern = "*"
        #expect(request == expected)
        #expect(try Self.request(" ") == ApiRequest())
    }

    @Test(arguments: [
        "{", "[]", "{}x", "{\"channel\":5}", "{\"tags\":{\"a\":1}}", "{\"limit\":1.0}",
        "{\"user\":\"\\ud800\"}", "{\"override\":{\"presence\":true}}", "{\"whitelist\":\"a\"}",
        "{\"tags\":{" + (0...32).map { "\"\($0)\":\"\"" }.joined(separator: ",") + "}}",
    ])
    func `a body of another shape is refused with its place`(_ text: String) {
        let error = #expect(throws: FrameError.self) {
            _ = try Self.request(text)
        }
        #expect((error?.position ?? .max) <= text.utf8.count)
    }

    @Test func `a batch holds requests in their order, each of one method`() throws {
        let text =
            "{\"parallel\":true,\"commands\":[{\"info\":{}},{\"publish\":{\"data\": [ 1 ]}}]}"
        let batch = try Self.batch(text)
        #expect(batch.isParallel)
        #expect(batch.commands.map(\.method) == ["info", "publish"])
        #expect(batch.commands.map(\.body) == ["{}", "{\"data\":[1]}"].map(Self.bytes))
        for wrong in ["{\"commands\":[{}]}", "{\"commands\":[{\"a\":1,\"b\":2}]}", "[]", ""] {
            #expect(throws: FrameError.self) {
                _ = try Self.batch(wrong)
            }
        }
    }

    @Test func `a batch answers each method under its name, and an error as an error`() {
        let response = ApiResponse.batch([
            (method: "info", response: .done), (method: "publish", response: .error(.badRequest)),
            (method: "channels", response: .channels([(name: "a\"", clients: 2)])),
        ])
        var output: [UInt8] = []
        response.append(into: &output)
        #expect(
            String(decoding: output, as: UTF8.self)
                == #"{"replies":[{"info":{}},{"error":{"code":107,"message":"bad request"}},"#
                + #"{"channels":{"channels":{"a\"":{"num_clients":2}}}}]}"#
        )
    }

    @Test func `a token's notes are its info, and what it says of each channel`() throws {
        let text = """
            {"sub":"u","exp":5,"info":{"a":"b"},"meta":{"subs":1},"subs":{"x":{"data":null},
             "y":{"b64info":"MQ==","override":{"force_recovery":{"value":true}}},"z":null}}
            """
        let bytes = Self.bytes(text)
        let notes = try TokenNotes(parsing: bytes.span)
        #expect(notes.own.info == Self.bytes("{\"a\":\"b\"}"))
        #expect(notes.subscriptions.map(\.channel) == ["x", "y", "z"])
        #expect(notes.subscriptions[0].terms.data == Self.bytes("null"))
        #expect(notes.subscriptions[1].terms.base64Info == "MQ==")
        #expect(notes.subscriptions[1].terms.override.forcesRecovery == true)
        #expect(notes.subscriptions[2].terms == SubscriptionTerms())
    }

    @Test func `no byte that is another makes a reader go out of its bounds`() {
        let texts = [
            "{\"subs\":{\"x\":{\"info\":[1],\"override\":{\"presence\":{\"value\":true}}}},\"info\":{}}",
            "{\"conn_info\":{\"a\":1},\"chan_info\":[],\"tags\":{\"a\":\"b\",\"c\":\"\\u00e9\"}}",
            "{\"commands\":[{\"publish\":{\"channel\":\"a\",\"data\":[1,2]}}],\"parallel\":true}",
        ]
        var read = 0
        for text in texts {
            let whole = Self.bytes(text)
            for place in whole.indices {
                for byte in Self.others {
                    var bytes = whole
                    bytes[place] = byte
                    for reader in 0..<4 where Self.isRead(bytes, by: reader) { read += 1 }
                }
                #expect(!Self.isRead(Array(whole[..<place]), by: 1))
            }
        }
        #expect(read > 1_000)
    }

    /// Those that mean something, and some that mean nothing.
    private static let others: [UInt8] =
        Array("\"\\{}[],:-0e.ntf \n\t".utf8) + [0, 0x1f, 0x7f, 0x80, 0xc3, 0xff]

    private static func isRead(_ bytes: [UInt8], by reader: Int) -> Bool {
        do throws(FrameError) {
            switch reader {
            case 0: _ = try ApiRequest(parsing: bytes.span)
            case 1: _ = try TokenNotes(parsing: bytes.span)
            case 2: _ = try MessageExtra(parsing: bytes.span)
            default: _ = try ApiBatch(parsing: bytes.span)
            }
            return true
        } catch {
            return false
        }
    }

    @Test func `what few messages have is read back as it was written`() throws {
        let extras = [
            MessageExtra(), MessageExtra(connInfo: Self.bytes("{\"a\":[1]}")),
            MessageExtra(chanInfo: Self.bytes("null"), tags: [Publication.Tag("\"\n", "\u{e9}")]),
        ]
        for extra in extras {
            let json = extra.json
            #expect(try MessageExtra(parsing: json.span) == extra)
        }
        #expect(extras.map(\.isEmpty) == [true, false, false])
    }
}
