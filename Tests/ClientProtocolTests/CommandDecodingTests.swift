import ChatCore
import ClientProtocol
import Kernel
import Testing

struct CommandDecodingTests {
    static let requests: [(String, ClientCommand.Method)] = [
        (
            #"{"id":1,"connect":{"token":"t","name":"python","version":"0.7","data":{"a": 1}}}"#,
            .connect(
                ConnectRequest(
                    token: "t",
                    name: "python",
                    version: "0.7",
                    data: Array(#"{"a":1}"#.utf8)
                )
            )
        ),
        (
            #"{"id":1,"connect":{"subs":{"\u0023a":{"recover":true,"epoch":"e","offset":3},"b":null},"headers":{"x-a":"1"}}}"#,
            .connect(
                ConnectRequest(
                    token: nil,
                    subs: [
                        SubscribeRequest(
                            channel: "#a",
                            recover: true,
                            epoch: "e",
                            offset: 3
                        ),
                        SubscribeRequest(channel: "b"),
                    ],
                    headers: [HeaderField(name: "x-a", value: "1")]
                )
            )
        ),
        (
            #"{"id":1,"subscribe":{"channel":"c","positioned":true,"recoverable":true,"join_leave":true,"delta":"fossil"}}"#,
            .subscribe(
                SubscribeRequest(
                    channel: "c",
                    positioned: true,
                    recoverable: true,
                    joinLeave: true
                )
            )
        ),
        (
            #"{"id":1,"publish":{"channel":"c","data":1,"type":2,"key":"k"}}"#,
            .publish(ChannelPublishRequest(channel: "c", data: [0x31], type: 2))
        ),
        (#"{"connect":{},"id":1}"#, .connect(ConnectRequest(token: nil))),
        (
            #"{"id":1,"subscribe":{"channel":"c:7","token":"t","recover":true,"epoch":"0000002a","offset":40,"flag":3}}"#,
            .subscribe(
                SubscribeRequest(
                    channel: "c:7",
                    token: "t",
                    recover: true,
                    epoch: "0000002a",
                    offset: 40,
                    flag: 3
                )
            )
        ),
    ]

    static let plainRequests: [(String, ClientCommand.Method)] = [
        (#"{"id":1,"unsubscribe":{"channel":"c"}}"#, .unsubscribe(channel: "c")),
        (
            #"{"id":1,"publish":{"channel":"c","data":[1, "a b"]}}"#,
            .publish(ChannelPublishRequest(channel: "c", data: Array(#"[1,"a b"]"#.utf8)))
        ),
        (#"{"id":1,"presence":{"channel":"c"}}"#, .presence(channel: "c")),
        (#"{"id":1,"presence_stats":{"channel":"c"}}"#, .presenceStats(channel: "c")),
        (
            #"{"id":1,"history":{"channel":"c","limit":-1,"since":{"offset":3,"epoch":"e"},"reverse":true}}"#,
            .history(
                ChannelHistoryRequest(
                    channel: "c",
                    limit: -1,
                    since: StreamPosition(offset: 3, epoch: "e"),
                    reverse: true
                )
            )
        ),
        (#"{"id":1,"ping":{}}"#, .ping),
        (
            #"{"id":1,"rpc":{"method":"chat.send","data":null}}"#,
            .rpc(method: "chat.send", data: Array("null".utf8))
        ),
        (#"{"id":1,"refresh":{"token":"t"}}"#, .refresh(token: "t")),
        (
            #"{"id":1,"sub_refresh":{"channel":"c","token":"t"}}"#,
            .subRefresh(channel: "c", token: "t")
        ),
    ]

    @Test func `each method is read with its fields`() throws {
        for (frame, method) in Self.requests + Self.plainRequests {
            #expect(try commands(in: frame) == [ClientCommand(id: CommandID(1), method: method)])
        }
    }
}
