import ChatCore
package import ClientProtocol
package import Kernel

/// What a client asks about its user's account, in its own words.
package typealias AccountNote = Kept<AccountQuery>

extension PayloadHandle {
    package var accountNote: AccountNote {
        guard let note = self.kept as? AccountNote else {
            preconditionFailure("the handle names a note about an account")
        }
        return note
    }

    /// The data of an rpc's answer.
    package var answer: [UInt8] {
        guard let answer = self.kept as? Kept<[UInt8]> else {
            preconditionFailure("the handle names an answer")
        }
        return answer.content
    }
}

extension StoreOutcome {
    /// Gives back what an answer holds that will not be given.
    func discard() {
        if case .account(.told(let handle)) = self { handle.release() }
    }
}
