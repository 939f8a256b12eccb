import ArgumentParser
import ChatServer

struct Token: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes a connection token, signed with HMAC SHA-256."
    )

    @Option(help: "Whom the token speaks for.")
    var user: String

    @Option(help: "The secret that the server was given.")
    var tokenHmacSecret: String

    @Option(help: "Makes a subscription token for this channel.")
    var channel: String?

    @Option(help: "Seconds until it expires; without it, never.")
    var expires: UInt64?

    func run() async throws {
        let tokens = await TokenSigner(hmacSecret: self.tokenHmacSecret)
        print(
            try await tokens.token(user: self.user, channel: self.channel, lifetime: self.expires)
        )
    }
}
