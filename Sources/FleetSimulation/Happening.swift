import ChatCore
import ClientModel
import Kernel

/// What the calendar holds of an event: 16 bytes, and the rest in a parcel.
struct Happening: BitwiseCopyable {
    enum Kind: UInt8, BitwiseCopyable {
        /// A parcel reaches a shard (`target`) of one incarnation (`detail`).
        case atShard
        case roundEnds
        case shardDeadline
        /// A client (`target`) opens its socket (`detail`) to the shard that stands in the parcel.
        case accept
        /// A command or the end of a socket (`detail`) reaches the gateway of a client (`target`).
        case atGateway
        /// A parcel reaches a client's (`target`) socket (`detail`).
        case atClient
        case clientStarts
        case clientDeadline
        case pings
        /// Pings may have stayed away from the clients of a gateway shard (`target`).
        case watch
        case atStore
        case commit
        case readDone
        case arrival
        /// The `detail`-th absence of a client (`target`) begins.
        case absence
        /// A client (`target`) breaks the protocol for the `detail`-th time.
        case trespass
        /// The next socket is cut, or device switched off, of its own kind's count (`detail`).
        case presenceDrop
        case presenceLeave
        /// A socket (slot in the parcel, generation in `detail`) of a shard (`target`) takes more.
        case lineMoves
        case faultBegins
        case faultEnds
    }

    var kind: Kind
    var target: UInt32
    var detail: UInt32
    var parcel: UInt32

    init(_ kind: Kind, _ target: Int = 0, detail: UInt32 = 0, parcel: UInt32 = 0) {
        self.kind = kind
        self.target = UInt32(truncatingIfNeeded: target)
        self.detail = detail
        self.parcel = parcel
    }
}

/// What is on its way; one parcel serves all deliveries of a message.
enum Parcel: BitwiseCopyable {
    case none
    case event(ShardEvent)
    case client(SocketEvent)
    case command(CommandID, ClientRequest)
    case hangUp
    case unaskedPong
    case request(StoreErrand)
    /// A list of connections, by its number.
    case pings(list: UInt32)
    case pongs(list: UInt32)
}

/// A request on its way to the store, and who waits for the answer.
struct StoreErrand: BitwiseCopyable {
    var shard: UInt32
    var incarnation: UInt32
    /// Which of the incarnation's requests: what its latencies are drawn by.
    var ordinal: UInt32
    var token: RequestToken
    var request: StoreRequest

    /// The keys of its draws, beside the shard.
    var occasion: UInt64 { UInt64(self.incarnation) << 32 | UInt64(self.ordinal) }
}

/// Parcels by number; each is freed when everything that it was sent to has had it.
struct ParcelStorage: ~Copyable {
    private var parcels: [Parcel] = []
    private var references: [UInt32] = []
    private var vacant: [UInt32] = []
    private var lists: [[ConnectionHandle]] = []
    private var vacantLists: [UInt32] = []

    init() {}

    mutating func add(_ parcel: Parcel, references: Int = 1) -> UInt32 {
        if let index = self.vacant.popLast() {
            self.parcels[Int(index)] = parcel
            self.references[Int(index)] = UInt32(references)
            return index
        }
        self.parcels.append(parcel)
        self.references.append(UInt32(references))
        return UInt32(self.parcels.count - 1)
    }

    func peek(_ index: UInt32) -> Parcel { self.parcels[Int(index)] }

    mutating func take(_ index: UInt32) -> Parcel {
        self.references[Int(index)] -= 1
        if self.references[Int(index)] == 0 { self.vacant.append(index) }
        return self.parcels[Int(index)]
    }

    mutating func addList(_ list: [ConnectionHandle]) -> UInt32 {
        if let index = self.vacantLists.popLast() {
            self.lists[Int(index)] = list
            return index
        }
        self.lists.append(list)
        return UInt32(self.lists.count - 1)
    }

    /// Takes a list out, once.
    mutating func takeList(_ index: UInt32) -> [ConnectionHandle] {
        var list: [ConnectionHandle] = []
        swap(&list, &self.lists[Int(index)])
        self.vacantLists.append(index)
        return list
    }
}
