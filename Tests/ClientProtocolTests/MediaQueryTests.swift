import ChatCore
import ClientProtocol
import Testing

/// What members ask about files, and what they are told.
@Suite struct MediaQueryTests {
    private static let digits = String(repeating: "0aF", count: 21) + "9"

    private func parse(_ method: String, _ data: String) throws(FrameError) -> AccountQuery? {
        try AccountQuery.parse(method: method, Array(data.utf8).span)
    }

    @Test func `each rpc reads its fields`() throws {
        let hash = try #require(ContentHash(Self.digits))
        #expect(hash.text == Self.digits.lowercased())
        let named = "\"channel\":\"c:1\",\"sha256\":\"\(Self.digits)\""
        #expect(
            try self.parse("media.url", "{\(named)}") == .media(.url(channel: "c:1", hash))
        )
        #expect(
            try self.parse("media.drop", "{\(named),\"x\":[1]}")
                == .media(.drop(channel: "c:1", hash))
        )
        let type = try #require(MediaType("Image/PNG; a=b"))
        #expect(type.essence == "image/png")
        let offer = MediaOffer(size: 7, type: type, hash: hash)
        #expect(
            try self.parse("media.ticket", "{\(named),\"size\":7,\"type\":\"Image/PNG; a=b\"}")
                == .media(.ticket(channel: "c:1", offer))
        )
        #expect(try self.parse("media.none", "{}") == nil)
    }

    @Test(arguments: [
        "", "{}", "[]", #""size":1,"type":"a/b","sha256":"H""#,
        #""channel":"c:1","type":"a/b","sha256":"H""#,
        #""channel":"c:1","size":0,"type":"a/b","sha256":"H""#,
        #""channel":"c:1","size":-1,"type":"a/b","sha256":"H""#,
        #""channel":"c:1","size":1.5,"type":"a/b","sha256":"H""#,
        #""channel":"c:1","size":9223372036854775808,"type":"a/b","sha256":"H""#,
        #""channel":"c:1","size":1,"type":"a","sha256":"H""#,
        #""channel":"c:1","size":1,"type":"a/b/c","sha256":"H""#,
        #""channel":"c:1","size":1,"type":"/b","sha256":"H""#,
        #""channel":"c:1","size":1,"type":"a/b\r\nx: y","sha256":"H""#,
        #""channel":"c:1","size":1,"type":"a/ü","sha256":"H""#,
        #""channel":"c:1","size":1,"type":"a/b","sha256":"""#,
        #""channel":"c:1","size":1,"type":"a/b","sha256":"H0""#,
        #""channel":"c:1","size":1,"type":"a/b","sha256":"G""#,
    ])
    func `a ticket that lacks something is refused`(_ fields: String) {
        let data =
            "{"
            + fields.replacing("\"H", with: "\"" + Self.digits)
            .replacing("\"G\"", with: "\"" + Self.digits.dropLast() + "g\"") + "}"
        #expect(throws: FrameError.self) { try self.parse("media.ticket", data) }
    }

    @Test func `answers are JSON on one line`() {
        let ticket = MediaResults.ticket(put: "/p", get: "/g", expires: 5, isStored: false)
        #expect(
            String(decoding: ticket, as: UTF8.self)
                == #"{"put_url":"/p","get_url":"/g","expires":5}"#
        )
        let url = MediaResults.url(get: "/g", expires: 5, size: 0, type: "a/b")
        #expect(
            String(decoding: url, as: UTF8.self)
                == #"{"get_url":"/g","expires":5,"size":0,"type":"a/b"}"#
        )
    }
}
