import Foundation

/// A user's device that speaks the chat operations.
final class ChatPeer {
    let peer: WebSocketPeer
    private var lastID = 1

    init(port: Int, user: String) throws {
        self.peer = try WebSocketPeer(port: port)
        try self.peer.connect(user: user)
    }

    /// The answer to a command: the object of its method, or of `error`.
    @discardableResult
    func ask(_ method: String, _ fields: String) throws -> [String: Any] {
        self.lastID += 1
        self.peer.send("{\"id\":\(self.lastID),\"\(method)\":{\(fields)}}")
        let text = try self.peer.message { $0.hasPrefix("{\"id\":\(self.lastID),") }
        guard let reply = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any],
            let result = (reply[method] ?? reply["error"]) as? [String: Any]
        else { throw Broken(description: "a reply is an object: \(text)") }
        return result
    }

    /// The data of an rpc's answer, or the error.
    @discardableResult
    func rpc(_ method: String, _ data: String) throws -> [String: Any] {
        let result = try self.ask("rpc", "\"method\":\"\(method)\",\"data\":{\(data)}")
        return result["data"] as? [String: Any] ?? result
    }

    /// Fails unless the operation is refused with a code.
    func expect(_ code: Int, _ method: String, _ data: String) throws {
        let result = try self.rpc(method, data)
        try hold(result["code"] as? Int == code, "\(method) \(data) gives \(code): \(result)")
    }

    /// Makes a conversation with these members; gives its name.
    func create(_ id: String, members: String = "", isPublic: Bool = false) throws -> String {
        let data = "\"id\":\"\(id)\",\"members\":[\(members)],\"public\":\(isPublic)"
        let result = try self.rpc("chat.create", data)
        guard let channel = result["channel"] as? String else {
            throw Broken(description: "a conversation is made: \(result)")
        }
        return channel
    }

    func send(_ channel: String, _ id: String, _ more: String = "") throws -> Int {
        let result = try self.rpc(
            "chat.send",
            "\"channel\":\"\(channel)\",\"id\":\"\(id)\",\"body\":\"\(id)\"\(more)"
        )
        guard let offset = result["offset"] as? Int else {
            throw Broken(description: "a message is taken: \(result)")
        }
        return offset
    }

    func list(_ method: String = "chat.sync", _ data: String = "") throws -> [[String: Any]] {
        let result = try self.rpc(method, data)
        guard let changed = result["changed"] as? [[String: Any]] else {
            throw Broken(description: "a list comes: \(result)")
        }
        return changed
    }
}
