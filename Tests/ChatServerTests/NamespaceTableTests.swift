import ChatCore
import ChatServer
import Testing

@Suite struct NamespaceTableTests {
    private static let table = NamespaceTable(names: ["news", "inbox"])

    @Test(arguments: [
        ("lobby", 0, NameAccess.open), ("news:today", 1, .open), ("$lobby", 0, .tokenOnly),
        ("$news:today", 1, .tokenOnly), ("#42", 0, .listed), ("inbox:#42", 2, .listed),
        ("dialog#41,42", 0, .listed), ("dialog#41,42,", 0, .listed), ("#4", 0, .unlisted),
        ("#421", 0, .unlisted), ("#", 0, .unlisted), ("dialog#41,,43", 0, .unlisted),
        ("a#42#43", 0, .unlisted), ("$#42", 0, .tokenOnly),
    ])
    func `a name says whose policy it has and what it lets user 42 do`(
        _ name: String,
        _ namespace: UInt8,
        _ access: NameAccess
    ) throws {
        let reference = try Self.table.reference(to: name, for: "42").get()
        defer { reference.name.release() }
        #expect(reference.namespace == namespace && reference.access == access)
    }

    @Test(arguments: ["#", "a#,", "a#,,", "#0"])
    func `the anonymous user is in no list`(_ name: String) throws {
        let reference = try Self.table.reference(to: name, for: "").get()
        defer { reference.name.release() }
        #expect(reference.access == .unlisted)
    }

    @Test(arguments: [
        ("sport:today", ErrorCode.unknownConversation), (":today", .unknownConversation),
        ("$sport:today", .unknownConversation), ("", .badRequest), ("é", .badRequest),
        (String(repeating: "x", count: 256), .badRequest),
    ])
    func `a name that names nothing is refused`(_ name: String, _ code: ErrorCode) {
        #expect(throws: NameRefusal.self) {
            do {
                _ = try Self.table.reference(to: name, for: "42").get()
            } catch let refusal as NameRefusal {
                #expect(refusal.code == code)
                throw refusal
            }
        }
    }
}
