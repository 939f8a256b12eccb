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
        case atStore
        case commit
        case readDone
        case arrival
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
enum Parcel {
    case none
    case event(ShardEvent)
    case client(SocketEvent)
    case command(CommandID, ClientRequest)
    case hangUp
    case request(shard: Int, incarnation: UInt64, RequestToken, StoreRequest)
    case pings([ConnectionHandle])
    case pongs([ConnectionHandle])
}

/// Parcels by number; each is freed when everything that it was sent to has had it.
struct ParcelStorage {
    private var parcels: [Parcel] = []
    private var references: [UInt32] = []
    private var vacant: [UInt32] = []

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

    mutating func take(_ index: UInt32) -> Parcel {
        let parcel = self.parcels[Int(index)]
        self.references[Int(index)] -= 1
        if self.references[Int(index)] == 0 {
            self.parcels[Int(index)] = .none
            self.vacant.append(index)
        }
        return parcel
    }
}

extension RandomPurpose {
    static let clientLatency = Self(0x666c_0001)
    static let gatewayChoice = Self(0x666c_0002)
    static let bus = Self(0x666c_0003)
    static let storeLatency = Self(0x666c_0004)
    static let storeFault = Self(0x666c_0005)
}
