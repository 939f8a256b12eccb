import ChatCore
import ClientProtocol
import Kernel

/// The commands about presence.
extension CommandTranslation {
    func gathering(
        of channel: String,
        _ make: (ConversationID, UInt8) -> PresenceCommand
    ) -> Command {
        switch self.namespaces.reference(to: channel) {
        case .success(let reference):
            reference.name.release()
            return .presence(make(reference.id, reference.namespace))
        case .failure(let refusal): return .refused(refusal.code)
        }
    }

    func watch(_ id: CommandID, _ data: [UInt8]) -> Translation {
        do throws(FrameError) {
            let users = try WatchRequest(parsing: data.span).users
            let commands = users.enumerated().map { index, user in
                Command.presence(
                    .watch(
                        UserReference(id: UserID(named: user), name: KeptValue(user).retained()),
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
