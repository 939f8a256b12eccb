/// How many bytes may wait for one connection, and what then happens to it.
package struct BacklogPolicy: Equatable, Sendable, BitwiseCopyable {
    /// With more than this waiting, a connection gets no publications as they come.
    package var high: UInt32 = 256 << 10
    /// With at most this waiting, it is given what it missed.
    package var low: UInt32 = 64 << 10
    /// With more than this waiting of what is never held back, it is closed.
    package var bound: UInt32 = 1 << 20
    /// The bytes of bodies after which a page of what it missed ends.
    package var page: UInt32 = 128 << 10

    package init() {}

    /// Whether the marks come in their order, so that whoever fell behind can catch up.
    package var isOrdered: Bool {
        self.low > 0 && self.low < self.high && self.high < self.bound && self.page > 0
    }
}
