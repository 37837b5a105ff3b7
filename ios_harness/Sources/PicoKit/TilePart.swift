import Foundation

/// A dense tensor in row-major order, as raw little-endian elements.
public struct TensorValue: Sendable {
    public enum Element: String, Sendable {
        case float16, float32

        public var size: Int { self == .float16 ? 2 : 4 }
    }

    public let element: Element
    public let shape: [Int]
    public var bytes: Data

    public init(element: Element, shape: [Int], bytes: Data) {
        precondition(bytes.count == shape.reduce(element.size, *), "size of a tensor")
        self.element = element
        self.shape = shape
        self.bytes = bytes
    }

    public init(element: Element, shape: [Int], values: [Float]) {
        let bytes: Data
        switch element {
        case .float32: bytes = values.withUnsafeBytes { Data($0) }
        case .float16: bytes = values.map(halfBits).withUnsafeBytes { Data($0) }
        }
        self.init(element: element, shape: shape, bytes: bytes)
    }

    /// Integers from int8, exact in either type.
    public init(element: Element, shape: [Int], symbols: [Int8]) {
        let bytes: Data
        switch element {
        case .float32: bytes = symbols.map(Float.init).withUnsafeBytes { Data($0) }
        case .float16:
            bytes = symbols.map { halfOfSymbol[Int(UInt8(bitPattern: $0))] }
                .withUnsafeBytes { Data($0) }
        }
        self.init(element: element, shape: shape, bytes: bytes)
    }
}

/// Bit pattern of the nearest float16 (ties to even); by hand, because `Float16` does not exist on
/// every platform that builds this package.
func halfBits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
    let magnitude = bits & 0x7FFF_FFFF
    if magnitude > 0x7F80_0000 { return sign | 0x7E00 }  // not a number
    if magnitude >= 0x477F_F000 { return sign | 0x7C00 }  // rounds to infinity
    if magnitude < 0x3880_0000 {  // subnormal: in units of 2^-24
        let units = (Float(bitPattern: magnitude) * 0x1p24).rounded(.toNearestOrEven)
        return sign | UInt16(units)
    }
    let rebased = magnitude - 0x3800_0000
    let rounded = rebased + 0xFFF + (rebased >> 13 & 1)
    return sign | UInt16(truncatingIfNeeded: rounded >> 13)
}

/// Value of a float16 bit pattern.
func halfValue(_ bits: UInt16) -> Float {
    let magnitude = UInt32(bits & 0x7FFF)
    let sign: Float = bits & 0x8000 == 0 ? 1 : -1
    if magnitude >= 0x7C00 { return magnitude == 0x7C00 ? sign * .infinity : .nan }
    if magnitude < 0x400 { return sign * Float(magnitude) * 0x1p-24 }
    return sign * Float(bitPattern: (magnitude << 13) + 0x3800_0000)
}

private let halfOfSymbol: [UInt16] = (0..<256).map { byte in
    halfBits(Float(Int8(bitPattern: UInt8(byte))))
}

/// Symbols of a tensor as int8; throws unless every value is an integer in range. Never repaired.
func symbols(of tensor: TensorValue, named name: String) throws -> [Int8] {
    func exact(_ value: Float, at position: Int) throws -> Int8 {
        guard let symbol = Int8(exactly: value) else {
            throw PicoError.symbols("\(name)[\(position)] is \(value), which is no symbol")
        }
        return symbol
    }
    return try tensor.bytes.withUnsafeBytes { raw in
        switch tensor.element {
        case .float32:
            return try raw.bindMemory(to: Float.self).enumerated().map { try exact($1, at: $0) }
        case .float16:
            return try raw.bindMemory(to: UInt16.self).enumerated()
                .map { try exact(halfValue($1), at: $0) }
        }
    }
}

/// Who runs a part, and what is known about where.
public struct PartReport: Sendable {
    public var runtime: String
    public var version: String?
    public var precision: String
    public var requested: String
    /// What does the work, and how that is known; nil where the platform does not tell.
    public var observed: String?
    public var evidence: String?
    /// How many operations each unit took in the plan of the runtime.
    public var operationsByUnit: [String: Int]?

    public init(
        runtime: String, version: String?, precision: String, requested: String,
        observed: String? = nil, evidence: String? = nil, operationsByUnit: [String: Int]? = nil
    ) {
        self.runtime = runtime
        self.version = version
        self.precision = precision
        self.requested = requested
        self.observed = observed
        self.evidence = evidence
        self.operationsByUnit = operationsByUnit
    }
}

/// A float part of the codec, ready to run. Called by one task at a time; outputs are readable on
/// the CPU when `run` returns, so its time includes the way back.
public protocol TilePart: Sendable {
    var report: PartReport { get }
    /// Type and shape in which an input must come.
    func input(_ role: Role) throws -> (element: TensorValue.Element, shape: [Int])
    func run(_ inputs: [Role: TensorValue]) async throws -> [Role: TensorValue]
}
