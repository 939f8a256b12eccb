import ChatCore
import ClientProtocol
import Dispatch
import Foundation
import Kernel
import NIOCore

/// Tokens that application servers revoke.
extension ServerApi {
    /// Waits for the disk.
    private static let queue = DispatchQueue(label: "parley.revocations")

    /// Answered when the revocation is on the disk and every shard ends what came in by the tokens.
    func revoke(
        _ method: String,
        _ body: [UInt8],
        on loop: any EventLoop
    ) -> EventLoopFuture<ApiResponse> {
        let now = TokenVerifier.milliseconds(Date())
        guard let revocation = Self.revocation(method, body, at: now) else {
            return loop.makeSucceededFuture(.error(.badRequest))
        }
        let kept = loop.makePromise(of: ApiResponse.self)
        Self.queue.async { [revocations] in
            do throws(RevocationError) {
                try revocations.add(revocation, at: now)
                kept.succeed(.done)
            } catch {
                kept.succeed(.error(error == .full ? .limitExceeded : .internal))
            }
        }
        return kept.futureResult.flatMap { [mailboxes] answer in
            guard answer == .done else { return loop.makeSucceededFuture(answer) }
            return EventLoopFuture.andAllSucceed(mailboxes.map { $0.endRevoked() }, on: loop)
                .map { answer }
        }
    }

    /// `nil` if the body does not say what shall be revoked, or only until a time that has passed.
    private static func revocation(
        _ method: String,
        _ body: [UInt8],
        at now: UInt64
    ) -> Revocation? {
        let request: RevocationRequest?
        do throws(FrameError) {
            request = try RevocationRequest(method: method, parsing: body.span)
        } catch {
            return nil
        }
        let revocation: Revocation
        let usual = now + Revocations.retention
        switch request {
        case .none: return nil
        case .token(let id, let expiry):
            revocation = Revocation(.token(TokenID(named: id)), until: expiry ?? usual)
        case .user(let user, let issuedBefore, let expiry):
            let subject = Revocation.Subject.user(
                UserID(named: user),
                issuedBefore: issuedBefore ?? now
            )
            revocation = Revocation(subject, until: expiry ?? usual)
        }
        return revocation.expiry > now ? revocation : nil
    }
}
