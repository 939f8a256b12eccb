package import ChatCore

/// Why a request to the server API is not carried out.
package struct ApiRefusal: Error {
    package var code: ErrorCode
    /// What was wrong, and what was expected.
    package var detail: String

    package init(_ code: ErrorCode, _ detail: String = "") {
        self.code = code
        self.detail = detail
    }
}
