import ClientProtocol
import Testing

/// How much one chat request may hold.
struct ChatRequestBoundTests {
    private func isRead(_ method: String, _ data: String) -> Bool {
        do throws(FrameError) {
            return try ChatRequest.parse(method: method, Array(data.utf8).span) != nil
        } catch {
            return false
        }
    }

    private func list(_ count: Int, _ item: (Int) -> String) -> String {
        "[" + (0..<count).map(item).joined(separator: ",") + "]"
    }

    @Test(arguments: [0, 1])
    func `a chat request with more than it may have is refused`(_ excess: Int) {
        let isGood = excess == 0
        let members = self.list(ChatRequest.memberLimit + excess) { "\"u\($0)\"" }
        #expect(self.isRead("chat.create", "{\"id\":\"a\",\"members\":\(members)}") == isGood)
        let known = self.list(ChatRequest.knownLimit + excess) {
            "{\"channel\":\"c\($0)\",\"offset\":1}"
        }
        #expect(self.isRead("chat.sync", "{\"known\":\(known)}") == isGood)
        let name = String(repeating: "n", count: ChatRequest.textLimit + excess)
        #expect(self.isRead("chat.create", "{\"id\":\"\(name)\"}") == isGood)
        let mentions = self.list(ChatRequest.mentionLimit + excess) { "\"u\($0)\"" }
        let send = "{\"channel\":\"c\",\"id\":\"a\",\"body\":1,\"mentions\":\(mentions)}"
        do throws(FrameError) {
            _ = try SendRequest(parsing: Array(send.utf8).span)
            #expect(isGood)
        } catch {
            #expect(!isGood)
        }
    }
}
