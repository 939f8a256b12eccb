import ChatCore
import ClientProtocol
import Kernel

/// The commands about presence.
extension CommandTranslation {
    func watch(_ id: CommandID, _ data: [UInt8]) -> Translation {
        do throws(FrameError) {
            let users = try WatchRequest(parsing: data.span).users
            let commands = users.enumerated().map { index, user in
                Command.presence(
                    .watch(
                        UserReference(id: UserID(named: user), name: Kept(user).retained()),
                        remaining: UInt16(users.count - 1 - index)
                    )
                )
            }
            return .commands(id, commands)
        } catch {
            return .command(id, .refused(.badRequest))
        }
    }

    func unwatch(_ id: CommandID, _ data: [UInt8]) -> Translation {
        do throws(FrameError) {
            let users = try WatchRequest(parsing: data.span).users
            let commands = users.enumerated().map { index, user in
                Command.presence(
                    .unwatch(UserID(named: user), remaining: UInt16(users.count - 1 - index))
                )
            }
            return .commands(id, commands)
        } catch {
            return .command(id, .refused(.badRequest))
        }
    }

    func choose(_ data: [UInt8]) -> Command {
        do throws(FrameError) {
            return .presence(.choose(try ChoiceRequest.choice(parsing: data.span)))
        } catch {
            return .refused(.badRequest)
        }
    }
}
