import FanOutReference
import Glibc

/// The bare loop in C that stands beside the live server.
package enum FanOutLoop {
    /// Serves until the process ends; throws if it cannot.
    package static func serve(port: Int) throws(SystemError) {
        _ = try FileLimit.raise()
        _ = fan_out_reference_serve(Int32(port))
        throw SystemError(call: "fan_out_reference_serve", code: errno)
    }
}
