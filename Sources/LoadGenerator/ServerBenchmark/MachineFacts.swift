import CLinux
import Foundation
import Glibc

/// The machine that a figure was measured on.
package struct MachineFacts: Encodable, Equatable, Sendable {
    package var cores: Int
    package var processor: String
    package var kernel: String

    /// Reads them from `/proc`.
    package static func current() throws -> MachineFacts {
        let text = try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
        let model = text.split(separator: "\n").first { $0.hasPrefix("model name") }
        let name = model?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) }
        let kernel = try String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)
        return MachineFacts(
            cores: CoreSet.allowed().count,
            processor: name ?? "unknown",
            kernel: kernel.trimmingCharacters(in: .whitespacesAndNewlines)
        )
    }
}

extension MachineFacts {
    /// Seconds that all cores together have been busy since the machine started, stolen time included.
    static func busySeconds() throws -> Double {
        let text = try String(contentsOfFile: "/proc/stat", encoding: .utf8)
        let fields = text.prefix { $0 != "\n" }.split(separator: " ").dropFirst().compactMap {
            Int($0)
        }
        guard fields.count >= 8 else {
            throw ServerBenchmarkError(reason: "/proc/stat has another form")
        }
        // The fourth and fifth are idle and waiting for the disk.
        let ticks = fields[0] + fields[1] + fields[2] + fields[5] + fields[6] + fields[7]
        return Double(ticks) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}

/// Cores that threads may run on.
enum CoreSet {
    /// The cores of the calling thread, by number.
    static func allowed() -> [Int] { (0..<1024).filter { core_is_allowed(Int32($0)) == 1 } }

    /// Binds the calling thread, and the processes that it starts from now on, to one core.
    static func pin(to core: Int) throws(SystemError) {
        guard pin_to_core(Int32(core)) == 0 else {
            throw SystemError(call: "sched_setaffinity", code: errno)
        }
    }
}

/// How many files this process and its children may have open.
enum FileLimit {
    /// Raises the soft limit to the hard one; returns it.
    static func raise() throws(SystemError) -> Int {
        var limit = rlimit()
        let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard unsafe getrlimit(files, &limit) == 0 else {
            throw SystemError(call: "getrlimit", code: errno)
        }
        limit.rlim_cur = limit.rlim_max
        guard unsafe setrlimit(files, &limit) == 0 else {
            throw SystemError(call: "setrlimit", code: errno)
        }
        return Int(clamping: limit.rlim_cur)
    }
}

/// How long the disk takes to make a small append durable.
package struct DiskFacts: Encodable, Equatable, Sendable {
    package var fsyncP50Microseconds: Double
    package var fsyncP99Microseconds: Double
    package var samples: Int

    /// Appends a block to a new file in a folder and syncs it, again and again.
    static func measured(in folder: String, samples: Int = 200) throws(SystemError) -> DiskFacts {
        let path = folder + "/fsync-probe"
        let file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw SystemError(call: "open", code: errno) }
        defer {
            close(file)
            unsafe unlink(path)
        }
        let block = [UInt8](repeating: 7, count: 4096)
        var times: [UInt64] = []
        for _ in 0..<samples {
            let start = Swarm.now
            guard unsafe Glibc.write(file, block, block.count) == block.count else {
                throw SystemError(call: "write", code: errno)
            }
            guard fdatasync(file) == 0 else { throw SystemError(call: "fdatasync", code: errno) }
            times.append(Swarm.now - start)
        }
        times.sort()
        return DiskFacts(
            fsyncP50Microseconds: Double(times[samples / 2]) / 1_000,
            fsyncP99Microseconds: Double(times[samples * 99 / 100]) / 1_000,
            samples: samples
        )
    }
}
