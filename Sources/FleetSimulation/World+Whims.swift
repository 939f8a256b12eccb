import ClientModel
import Kernel
import Workload

/// Users who go out of reach or break the protocol.
extension World {
    mutating func scheduleAbsence(_ n: UInt32, of number: Int) {
        guard let absence = self.whims.absence(n, of: ClientNumber(UInt32(number))) else { return }
        self.schedule(Happening(.absence, number, detail: n), at: absence.start)
    }

    mutating func leave(_ number: Int, _ n: UInt32) {
        guard let absence = self.whims.absence(n, of: ClientNumber(UInt32(number))) else { return }
        self.step(client: number, .leave(until: absence.end, isSilent: absence.isSilent))
        self.scheduleAbsence(n + 1, of: number)
    }

    mutating func scheduleTrespass(_ n: UInt32, of number: Int) {
        guard let breach = self.whims.trespass(n, of: ClientNumber(UInt32(number))) else { return }
        self.schedule(Happening(.trespass, number, detail: n), at: breach.start)
    }

    mutating func trespass(_ number: Int, _ n: UInt32) {
        guard let breach = self.whims.trespass(n, of: ClientNumber(UInt32(number))) else { return }
        self.step(client: number, .trespass(breach.trespass))
        self.scheduleTrespass(n + 1, of: number)
    }
}
