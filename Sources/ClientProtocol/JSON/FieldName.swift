/// A member's name of at most 15 bytes as one integer, so that a name is told by one comparison.
struct FieldName: Equatable, BitwiseCopyable {
    /// A leading one and then the bytes, so that names of different lengths differ; 0 is any longer
    /// name, which none of the protocol's is.
    private var packed: UInt128

    static let longest = 15

    init() { self.packed = 1 }

    init(_ text: String) {
        self.init()
        for byte in text.utf8 { self.append(byte) }
    }

    /// The caller appends at most `longest` bytes.
    mutating func append(_ byte: UInt8) {
        self.packed = self.packed << 8 | UInt128(byte)
    }

    static var unknown: Self {
        var name = Self()
        name.packed = 0
        return name
    }
}

/// The names that are read; they are the field names of the protocol's schema.
extension FieldName {
    static let after = Self("after")
    static let before = Self("before")
    static let body = Self("body")
    static let chanInfo = Self("chan_info")
    static let channel = Self("channel")
    static let client = Self("client")
    static let code = Self("code")
    static let connInfo = Self("conn_info")
    static let connect = Self("connect")
    static let cursor = Self("cursor")
    static let data = Self("data")
    static let delta = Self("delta")
    static let device = Self("device")
    static let disconnect = Self("disconnect")
    static let duplicate = Self("duplicate")
    static let epoch = Self("epoch")
    static let error = Self("error")
    static let expires = Self("expires")
    static let fallback = Self("fallback")
    static let flag = Self("flag")
    static let headers = Self("headers")
    static let history = Self("history")
    static let id = Self("id")
    static let identity = Self("identity")
    static let info = Self("info")
    static let isOn = Self("on")
    static let isPublic = Self("public")
    static let join = Self("join")
    static let joinLeave = Self("join_leave")
    static let key = Self("key")
    static let known = Self("known")
    static let leave = Self("leave")
    static let limit = Self("limit")
    static let members = Self("members")
    static let mentions = Self("mentions")
    static let message = Self("message")
    static let method = Self("method")
    static let name = Self("name")
    static let namespace = Self("namespace")
    static let node = Self("node")
    static let numClients = Self("num_clients")
    static let numUsers = Self("num_users")
    static let offset = Self("offset")
    static let oneTime = Self("one_time")
    static let ping = Self("ping")
    static let pong = Self("pong")
    static let positioned = Self("positioned")
    static let presence = Self("presence")
    static let presenceStats = Self("presence_stats")
    static let pub = Self("pub")
    static let publications = Self("publications")
    static let publish = Self("publish")
    static let push = Self("push")
    static let read = Self("read")
    static let reason = Self("reason")
    static let received = Self("recv")
    static let reconnect = Self("reconnect")
    static let recover = Self("recover")
    static let recoverable = Self("recoverable")
    static let recovered = Self("recovered")
    static let refresh = Self("refresh")
    static let replyTo = Self("reply_to")
    static let reverse = Self("reverse")
    static let role = Self("role")
    static let rpc = Self("rpc")
    static let send = Self("send")
    static let session = Self("session")
    static let sha256 = Self("sha256")
    static let since = Self("since")
    static let size = Self("size")
    static let state = Self("state")
    static let users = Self("users")
    static let subRefresh = Self("sub_refresh")
    static let subs = Self("subs")
    static let subscribe = Self("subscribe")
    static let tags = Self("tags")
    static let temporary = Self("temporary")
    static let time = Self("time")
    static let token = Self("token")
    static let ttl = Self("ttl")
    static let type = Self("type")
    static let unsubscribe = Self("unsubscribe")
    static let user = Self("user")
    static let version = Self("version")
    static let wasRecovering = Self("was_recovering")
}
