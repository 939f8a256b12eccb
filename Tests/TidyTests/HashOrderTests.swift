import Testing

struct HashOrderTests {
    @Test(arguments: SourceTree.sources)
    func `nothing is decided by the order of a set or a dictionary`(file: SourceFile) {
        expectNothing(HashOrderNet.findings(in: file), in: file)
    }

    @Test(arguments: [
        "var rows: [UserID: Row] = [:]\nfunc f() { for (user, row) in self.rows { g(user, row) } }",
        "var rows: Set<UserID> = []\nfunc f() { for row in rows where row.isOn { g(row) } }",
        "var rows = [UserID: Row]()\nlet all = rows.map { $0.value }",
        "func f(rows: inout [[Int]: Row]) { rows.forEach(g) }",
        "let first = table.keys.first",
        "var rows: Dictionary<UserID, Row>\nlet all = self.rows.values",
    ])
    func `a planted loop in hash order is caught`(text: String) {
        let file = SourceFile(path: "Sources/ChatCore/A.swift", text: text)
        #expect(HashOrderNet.findings(in: file).count == 1)
    }

    @Test(arguments: [
        "var rows: [UserID: Row] = [:]\nfunc f(_ user: UserID) -> Row? { self.rows[user] }",
        "var rows: [Row] = []\nfunc f() { for row in self.rows { g(row) } }",
        "func f(rows: [Row]) { rows.forEach { (row: Row) in g(row) } }",
    ])
    func `a look-up, and a loop over an array, pass`(text: String) {
        let file = SourceFile(path: "Sources/ChatCore/A.swift", text: text)
        #expect(HashOrderNet.findings(in: file) == [])
    }
}
