import BasicContainers
package import ChatCore
import ClientModel
import Kernel

/// A world whose devices do what a script says, command by command.
extension World {
    /// Switches the devices' own machines off for good, and lets no user want anything.
    package mutating func leaveDevicesToScript() {
        for number in 0..<self.clients.count { self.step(client: number, .stop) }
        self.nextMessage = nil
    }

    /// How a command names the fleet's `n`-th conversation, counted from 0.
    package func conversation(_ n: UInt32) -> ConversationReference {
        self.reference(ConversationNumber(n))
    }

    /// Opens a device's `n`-th socket, counted from 1; the one before must have ended.
    package mutating func openSocket(_ n: UInt32, ofDevice number: Int) {
        self.open(number, SocketNumber(n))
    }

    /// Sends a command up a device's `n`-th socket, which a gateway must have taken.
    package mutating func say(
        _ command: Command,
        _ id: CommandID,
        onSocket n: UInt32,
        ofDevice number: Int
    ) {
        let event = ShardEvent.command(self.clients[number].handle, id, command)
        self.transmit(number, SocketNumber(n), .event(event))
    }

    /// Ends a device's `n`-th socket.
    package mutating func dropSocket(_ n: UInt32, ofDevice number: Int) {
        self.transmit(number, SocketNumber(n), .hangUp)
    }
}
