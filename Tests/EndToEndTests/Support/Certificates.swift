import Foundation

/// Certificates for 127.0.0.1, made by openssl: `first` and `second`, each with a key of its own, of one
/// authority in the middle, whose own certificate `root` vouches for.
final class Certificates: Sendable {
    let folder = temporaryDirectory()

    private static let script = """
        set -e
        cd "$1"
        ec="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
        openssl req -x509 $ec -days 2 -keyout root.key -out root.pem -subj /CN=root
        sign() {
            openssl req $ec -keyout $1.key -out $1.csr -subj /CN=$1
            printf "$3" > $1.ext
            openssl x509 -req -in $1.csr -CA $2.pem -CAkey $2.key -CAcreateserial -days 2 \\
                -extfile $1.ext -out $1.pem
        }
        sign middle root 'basicConstraints=critical,CA:TRUE\\nkeyUsage=critical,keyCertSign\\n'
        for name in first second; do
            sign $name middle 'subjectAltName=DNS:localhost,IP:127.0.0.1\\n'
            cat middle.pem >> $name.pem
        done
        """

    init() throws {
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
        let made = try run(
            URL(filePath: "/bin/sh"),
            ["-c", "exec 2>&1; \(Self.script)", "sh", self.folder.path(percentEncoded: false)]
        )
        try hold(made.code == 0, "openssl makes certificates: \(made.text)")
    }

    deinit {
        do {
            try FileManager.default.removeItem(at: self.folder)
        } catch {
            NSLog("%@", "a temporary directory stays: \(error)")
        }
    }

    func path(_ name: String) -> String {
        self.folder.appending(path: name).path(percentEncoded: false)
    }

    /// Asks for a server's health over TLS, trusting the root alone; what was answered.
    func health(port: Int) throws -> String {
        let command = """
            printf 'GET /health HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' |
            openssl s_client -quiet -connect 127.0.0.1:\(port) -CAfile \(self.path("root.pem")) \
            -verify_return_error -verify_ip 127.0.0.1 2>&1
            """
        return try run(URL(filePath: "/bin/sh"), ["-c", command]).text
    }
}
