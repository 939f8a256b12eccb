/// Asks the server API, with or without its key.
func askApi(
    _ method: String,
    _ body: String,
    key: String? = LiveHost.apiKey,
    port: Int
) throws -> (status: Int, body: String) {
    try askApi(method, Array(body.utf8), key: key, port: port)
}

/// The same with any bytes, by any verb.
func askApi(
    _ method: String,
    _ body: [UInt8],
    key: String? = LiveHost.apiKey,
    verb: String = "POST",
    port: Int
) throws -> (status: Int, body: String) {
    let socket = try RawSocket(port: port)
    let header = key.map { "X-API-Key: \($0)\r\n" } ?? ""
    let head =
        "\(verb) /api/\(method) HTTP/1.1\r\nHost: x\r\n\(header)"
        + "Content-Length: \(body.count)\r\n\r\n"
    socket.send(Array(head.utf8) + body)
    return try socket.response(hasBody: verb != "HEAD")
}
