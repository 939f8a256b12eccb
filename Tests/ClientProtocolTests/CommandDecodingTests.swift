import ChatCore
import ClientProtocol
import Kernel
import Testing

struct CommandDecodingTests {
    @Test func `each method is read with its fields`() throws {
        let cases: [(String, ClientCommand.Method)] = [
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
            (#"{"id":1,"unsubscribe":{"channel":"c"}}"#, .unsubscribe(channel: "c")),
            (
                #"{"id":1,"publish":{"channel":"c","data":[1, "a b"]}}"#,
                .publish(channel: "c", data: Array(#"[1,"a b"]"#.utf8))
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
        for (frame, method) in cases {
            #expect(try commands(in: frame) == [ClientCommand(id: CommandID(1), method: method)])
        }
    }
}
