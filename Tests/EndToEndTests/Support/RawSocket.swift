import Foundation
import Testing

extension Tag {
    /// Talks to sockets, and so may wait.
    @Tag static var socket: Self
}

/// A promise that was seen broken.
struct Broken: Error, CustomStringConvertible {
    var description: String
}

/// Throws `claim` unless it holds.
func hold(_ holds: Bool, _ claim: @autoclosure () -> String) throws {
    guard holds else { throw Broken(description: claim()) }
}

/// Runs blocking work on a thread of its own, so that no thread of the test runner's pool is blocked.
func expectHolds<Subject: Sendable>(
    _ subject: Subject,
    _ body: @escaping @Sendable (Subject) throws -> Void
) async throws {
    try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
        Thread.detachNewThread { done.resume(with: Result { try body(subject) }) }
    }
}

/// A TCP socket to this machine that says whatever it is told, right or wrong.
final class RawSocket {
    private let descriptor: Int32
    /// What has come and was not taken yet.
    private(set) var received: [UInt8] = []
    private(set) var isAtEnd = false

    /// A small `receiveBuffer`, in bytes, makes a reader whose kernel takes little in for it.
    init(port: Int, receiveBuffer: Int32? = nil) throws {
        self.descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var size = receiveBuffer {
            let length = socklen_t(MemoryLayout<Int32>.size)
            _ = unsafe setsockopt(self.descriptor, SOL_SOCKET, SO_RCVBUF, &size, length)
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(self.descriptor, $0, length)
            }
        }
        try hold(code == 0, "the server takes a connection: errno \(errno)")
    }

    deinit { Glibc.close(self.descriptor) }

    /// Waits until the socket can be read (or written); false after the time.
    private func wait(_ events: Int32, milliseconds: Int) -> Bool {
        var entry = pollfd(fd: self.descriptor, events: Int16(events), revents: 0)
        return unsafe poll(&entry, 1, Int32(milliseconds)) > 0
    }

    /// Writes as far as the peer takes it; gives the count of bytes that went out.
    @discardableResult func send(_ bytes: [UInt8], milliseconds: Int = 5000) -> Int {
        let end = Date().addingTimeInterval(Double(milliseconds) / 1000)
        var sent = 0
        while sent < bytes.count, Date() < end {
            let count = unsafe bytes[sent...].withUnsafeBytes {
                unsafe Glibc.send(
                    self.descriptor,
                    $0.baseAddress,
                    $0.count,
                    Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
                )
            }
            if count > 0 {
                sent += count
            } else if errno == EAGAIN {
                _ = self.wait(POLLOUT, milliseconds: 20)
            } else {
                break
            }
        }
        return sent
    }

    func send(_ text: String) { self.send(Array(text.utf8)) }

    /// Takes in what comes within the time; false if nothing did.
    @discardableResult func receive(milliseconds: Int) -> Bool {
        guard !self.isAtEnd, self.wait(POLLIN, milliseconds: milliseconds) else { return false }
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe chunk.withUnsafeMutableBytes {
            unsafe recv(self.descriptor, $0.baseAddress, $0.count, 0)
        }
        guard count > 0 else {
            self.isAtEnd = true
            return false
        }
        self.received += chunk[..<count]
        return true
    }

    func take(_ count: Int) -> [UInt8] {
        let taken = Array(self.received[..<count])
        self.received.removeFirst(count)
        return taken
    }

    /// Whether the peer has ended the connection within the time; what comes before is kept.
    func ends(within milliseconds: Int) -> Bool {
        let end = Date().addingTimeInterval(Double(milliseconds) / 1000)
        while !self.isAtEnd, Date() < end { self.receive(milliseconds: 50) }
        return self.isAtEnd
    }

    /// Everything up to and with the marker.
    func text(through marker: String, milliseconds: Int = 5000) throws -> String {
        let end = Date().addingTimeInterval(Double(milliseconds) / 1000)
        while true {
            if let range = self.received.firstRange(of: Array(marker.utf8)) {
                return String(decoding: self.take(range.upperBound), as: UTF8.self)
            }
            try hold(
                Date() < end && !self.isAtEnd,
                "'\(marker)' comes: \(String(decoding: self.received, as: UTF8.self))"
            )
            self.receive(milliseconds: 50)
        }
    }

    /// One HTTP response; a HEAD's has no body.
    func response(hasBody: Bool = true) throws -> (status: Int, body: String) {
        let head = try self.text(through: "\r\n\r\n")
        let status = Int(head.dropFirst(9).prefix(3)) ?? 0
        var length = 0
        for line in head.split(separator: "\r\n")
        where line.lowercased().hasPrefix("content-length:") {
            length = Int(line.dropFirst(15).trimmingCharacters(in: .whitespaces)) ?? 0
        }
        guard hasBody else { return (status, "") }
        while self.received.count < length, self.receive(milliseconds: 2000) {}
        return (status, String(decoding: self.take(length), as: UTF8.self))
    }
}
