import ChatCore
import ClientProtocol
import Kernel
import Testing

struct FramingTests {
    @Test func `a frame's commands come in the order in which they stand`() throws {
        let frame = """
            {"id":1,"connect":{}}
            {"id":4294967295,"subscribe":{"channel":"c"}}
            {}
            {"id":1,"unsubscribe":{"channel":"c"}}
            """
        let expected = [
            ClientCommand(id: CommandID(1), method: .connect(ConnectRequest(token: nil))),
            ClientCommand(
                id: CommandID(.max),
                method: .subscribe(SubscribeRequest(channel: "c"))
            ),
            ClientCommand(id: CommandID(0), method: .pong),
            ClientCommand(id: CommandID(1), method: .unsubscribe(channel: "c")),
        ]
        #expect(try commands(in: frame) == expected)
        #expect(try commands(in: frame + "\n") == expected)
    }

    @Test(arguments: [
        ("", FrameError(.emptyFrame, at: 0)),
        ("\n", FrameError(.emptyMessage, at: 0)),
        ("{}\n\n", FrameError(.emptyMessage, at: 3)),
        ("\n{}", FrameError(.emptyMessage, at: 0)),
        ("{}\n\n{}", FrameError(.emptyMessage, at: 3)),
        (" ", FrameError(.expectedObject, at: 1)),
        ("{}{}", FrameError(.trailingBytes, at: 2)),
        ("{} x", FrameError(.trailingBytes, at: 3)),
        ("{", FrameError(.endOfMessage, at: 1)),
        ("{\n}", FrameError(.endOfMessage, at: 1)),
        ("null", FrameError(.expectedObject, at: 0)),
        ("[]", FrameError(.expectedObject, at: 0)),
        ("1", FrameError(.expectedObject, at: 0)),
        ("hello", FrameError(.expectedObject, at: 0)),
        ("\u{feff}{}", FrameError(.expectedObject, at: 0)),
    ])
    func `a frame that is not messages is refused with its place`(
        frame: String,
        error: FrameError
    ) {
        #expect(refusal(of: frame) == error)
    }

    @Test func `a fault does not take back the commands before it, and ends the frame`() throws {
        let frame = Array("{}\n{\"id\":1}\n{}".utf8)
        var decoder = ClientFrameDecoder()
        #expect(try decoder.next(in: frame.span)?.method == .pong)
        #expect(throws: FrameError(.noMethod, at: 3)) { try decoder.next(in: frame.span) }
        #expect(try decoder.next(in: frame.span) == nil)
    }

    @Test(arguments: [
        (#"{"id":1}"#, FrameError.Reason.noMethod),
        (#"{"id":1,"fly":{}}"#, .noMethod),
        (#"{"id":1,"connect":null}"#, .noMethod),
        (#"{"id":1,"ping":{},"ping":{}}"#, .twoMethods),
        (#"{"id":1,"connect":{},"ping":{}}"#, .twoMethods),
        (#"{"ping":{}}"#, .noCommandID),
        (#"{"id":0,"ping":{}}"#, .noCommandID),
        (#"{"id":-1,"ping":{}}"#, .noCommandID),
        (#"{"id":4294967296,"ping":{}}"#, .noCommandID),
        (#"{"id":99999999999999999999999999,"ping":{}}"#, .noCommandID),
        (#"{"id":1.0,"ping":{}}"#, .noCommandID),
        (#"{"id":1e2,"ping":{}}"#, .noCommandID),
        (#"{"id":"1","ping":{}}"#, .noCommandID),
        (#"{"id":true,"ping":{}}"#, .noCommandID),
        (#"{"id":null,"ping":{}}"#, .noCommandID),
        (#"{"id":01,"ping":{}}"#, .expectedComma),
        (#"{"id":1,"connect":[]}"#, .expectedObject),
        (#"{"id":1,"connect":"x"}"#, .expectedObject),
        (#"{"id":1,"ping":7}"#, .expectedObject),
        (#"{"id":1,"connect":{"token":7}}"#, .expectedString),
        (#"{"id":1,"connect":{"name":{}}}"#, .expectedString),
        (#"{"id":1,"subscribe":{"channel":["c"]}}"#, .expectedString),
        (#"{"id":1,"subscribe":{"channel":"c","recover":1}}"#, .expectedBoolean),
        (#"{"id":1,"subscribe":{"channel":"c","recover":"true"}}"#, .expectedBoolean),
        (#"{"id":1,"subscribe":{"channel":"c","positioned":0}}"#, .expectedBoolean),
        (#"{"id":1,"subscribe":{"channel":"c","epoch":5}}"#, .expectedString),
        (#"{"id":1,"subscribe":{"channel":"c","offset":-1}}"#, .expectedInteger),
        (#"{"id":1,"subscribe":{"channel":"c","offset":1.5}}"#, .expectedInteger),
        (#"{"id":1,"subscribe":{"channel":"c","offset":18446744073709551616}}"#, .expectedInteger),
        (#"{"id":1,"subscribe":{"channel":"c","flag":4294967296}}"#, .expectedInteger),
        (#"{"id":1,"history":{"channel":"c","limit":2147483648}}"#, .expectedInteger),
        (#"{"id":1,"history":{"channel":"c","limit":-2147483649}}"#, .expectedInteger),
        (#"{"id":1,"history":{"channel":"c","since":7}}"#, .expectedObject),
        (#"{"id":1,"history":{"channel":"c","reverse":"no"}}"#, .expectedBoolean),
        (#"{"id":1,"rpc":{"method":null,"data":}}"#, .expectedValue),
        (#"{"id":1,"connect":{"headers":{"a" "b"}}}"#, .expectedColon),
    ])
    func `a command that cannot be meant is refused`(frame: String, reason: FrameError.Reason) {
        #expect(refusal(of: frame)?.reason == reason)
    }

    @Test func `the greatest numbers of each field are read`() throws {
        let frame = """
            {"id":1,"subscribe":{"channel":"c","offset":18446744073709551615,"flag":4294967295}}
            {"id":1,"history":{"channel":"c","limit":-2147483648}}
            {"id":1,"history":{"channel":"c","limit":2147483647}}
            """
        let methods = try commands(in: frame).map(\.method)
        #expect(
            methods == [
                .subscribe(SubscribeRequest(channel: "c", offset: .max, flag: .max)),
                .history(ChannelHistoryRequest(channel: "c", limit: .min)),
                .history(ChannelHistoryRequest(channel: "c", limit: .max)),
            ]
        )
    }

    @Test func `unknown fields are skipped, null is an absent field, names may be escaped`() throws
    {
        let frame =
            #"{"x":[{}],"\u0069d":7,"a_name_of_sixteen":1,"subscribe":{"channel":"\u0063\ud83d\ude00","#
            + #""tf":{"op":"and"},"recover":null,"offset":null,"token":null},"\u0000id":3}"#
        #expect(
            try commands(in: frame) == [
                ClientCommand(
                    id: CommandID(7),
                    method: .subscribe(SubscribeRequest(channel: "c😀"))
                )
            ]
        )
    }

    @Test func `send needs no id, and an empty object is a pong`() throws {
        #expect(
            try commands(in: "{\"send\":{\"data\":1}}\n{ }\n{\"later\":{}}").map(\.method)
                == [.send(data: [UInt8(ascii: "1")]), .pong, .pong]
        )
    }

    @Test func `every refusal closes with 3501 and says where and what was expected`() {
        #expect(FrameError.closeCode == .badRequest)
        #expect(
            refusal(of: #"{"id":1,"connect":{"token":7}}"#)?.description
                == "byte 27: wrong type, expected a string"
        )
    }

    @Test(arguments: [
        #""#, #"{}"#, #"{"channel":"c"}"#, #"{"channel":"c","id":"i"}"#, #"{"id":"i","body":1}"#,
        #"{"channel":"","id":"i","body":1}"#, #"{"channel":"c","id":"","body":1}"#,
        #"{"channel":7,"id":"i","body":1}"#, #"{"channel":"c","id":7,"body":1}"#, #"[]"#, #"7"#,
        #"null"#, #"{"channel":"c","id":"i","body":1}x"#,
    ])
    func `a chat.send that lacks something is a bad request, not a broken frame`(data: String) {
        #expect(throws: FrameError.self) { try SendRequest(parsing: Array(data.utf8).span) }
        #expect(SendRequest.errorCode.rawValue == 107)
    }

    @Test(arguments: ["null", "false", "0", #""""#, "{}", #"{"body":{"id":2}}"#])
    func `the body of a chat.send is any value`(body: String) throws {
        let request = SendRequest(channel: "c", id: "i\n\"", body: Array(body.utf8))
        guard case .rpc(let method, let data) = request.command else {
            Issue.record("a chat.send is an rpc")
            return
        }
        #expect(method == "chat.send")
        #expect(try SendRequest(parsing: data.span) == request)
    }
}
