import Foundation
import PicoCore

/// The integer entropy model of a bundle, made from `entropy.bin`. Immutable, so any number of
/// threads may use it at once.
public final class EntropyModel: @unchecked Sendable {
    let pointer: OpaquePointer
    let info: pico_model_info
    private let memory: UnsafeMutableRawPointer

    /// Checks every field, table and bound. `cpuFlags` chooses the kernels; the default asks this CPU.
    public init(_ entropyBin: Data, cpuFlags: UInt32 = pico_cpu_detect()) throws {
        var fault = pico_fault()
        var size = 0
        var made: OpaquePointer?
        let memory: UnsafeMutableRawPointer = try entropyBin.withUnsafeBytes { bytes in
            let data = bytes.bindMemory(to: UInt8.self)
            try check(
                pico_model_memory(data.baseAddress, data.count, &size, &fault), fault,
                doing: "reading entropy.bin")
            let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
            let status = pico_model_init(
                data.baseAddress, data.count, cpuFlags, memory, size, &made, &fault)
            if status != PICO_OK { memory.deallocate() }
            try check(status, fault, doing: "reading entropy.bin")
            return memory
        }
        guard let made else {
            memory.deallocate()
            throw PicoError.bundle("the core made no model of entropy.bin; convert the bundle again")
        }
        var info = pico_model_info()
        guard pico_model_get_info(made, &info) == PICO_OK else {
            memory.deallocate()
            throw PicoError.bundle("the core says nothing of its model; convert the bundle again")
        }
        self.memory = memory
        self.pointer = made
        self.info = info
    }

    deinit { memory.deallocate() }

    /// First 16 bytes of the SHA-256 of `entropy.bin`, in hexadecimal.
    public var fingerprint: String { withUnsafeBytes(of: info.fingerprint) { hexadecimal($0) } }
    /// Side of a tile in pixels, borders included.
    public var tile: Int { Int(info.tile) }
    public var levels: Int { Int(info.levels) }
    /// Channels, rows and columns of a tile's `y`.
    public var yShape: [Int] { [Int(info.y_channels), Int(info.y_side), Int(info.y_side)] }
    /// Channels, rows and columns of a tile's `z`.
    public var zShape: [Int] { [Int(info.z_channels), Int(info.z_side), Int(info.z_side)] }

    /// Name of the kernel set that `cpuFlags` select.
    public static func kernels(cpuFlags: UInt32 = pico_cpu_detect()) -> String {
        String(cString: pico_kernels_name(cpuFlags))
    }

    /// The grid of tiles over an image of this size.
    public func grid(width: Int, height: Int) throws -> TileGrid {
        var grid = pico_grid()
        var fault = pico_fault()
        guard let w = UInt32(exactly: width), let h = UInt32(exactly: height) else {
            throw PicoError.usage("an image of \(width)×\(height) pixels cannot be coded")
        }
        try check(
            pico_grid_init(pointer, w, h, &grid, &fault), fault, doing: "image of \(width)×\(height)")
        return TileGrid(grid: grid)
    }

    /// The integer network alone: one scale index for each element of `y`.
    public func scaleIndices(z: [Int8], level: Int) throws -> [UInt8] {
        var fault = pico_fault()
        var size = 0
        try check(pico_scale_memory(pointer, &size), fault, doing: "scale indices")
        let scratch = Scratch(size)
        var symbols = z
        var index = [UInt8](repeating: 0, count: yShape.reduce(1, *))
        try symbols.withUnsafeMutableBytes { bytes in
            var tensor = packedTensor(bytes.baseAddress, PICO_INT8, zShape)
            try check(
                pico_scale_indices(
                    pointer, UInt32(level), &tensor, &index, scratch.pointer, scratch.size, &fault),
                fault, doing: "scale indices")
        }
        return index
    }
}

/// Tiles of an image and which parts of them lie inside it.
public struct TileGrid: Sendable {
    let grid: pico_grid

    public var tiles: Int { Int(grid.tiles) }
    public var width: Int { Int(grid.width) }
    public var height: Int { Int(grid.height) }

    /// 1 where an element's cell touches the image, else 0; `side` × `side`, row by row.
    func mask(_ extent: pico_extent, side: Int) -> [Float] {
        var mask = [Float](repeating: 0, count: side * side)
        for row in 0..<Int(extent.rows) {
            for column in 0..<Int(extent.columns) { mask[row * side + column] = 1 }
        }
        return mask
    }

    func yMask(_ tile: Int, side: Int) -> [Float] {
        mask(withUnsafePointer(to: grid) { pico_y_valid($0, UInt32(tile)) }, side: side)
    }

    func zMask(_ tile: Int, side: Int) -> [Float] {
        mask(withUnsafePointer(to: grid) { pico_z_valid($0, UInt32(tile)) }, side: side)
    }
}

/// Memory that the core works in; belongs to one call at a time.
final class Scratch {
    let pointer: UnsafeMutableRawPointer
    let size: Int

    init(_ size: Int) {
        self.size = size
        pointer = UnsafeMutableRawPointer.allocate(byteCount: max(size, 1), alignment: 64)
    }

    deinit { pointer.deallocate() }
}

/// A tensor `[channels, rows, columns]` without gaps.
func packedTensor(
    _ data: UnsafeMutableRawPointer?, _ element: pico_element, _ shape: [Int]
) -> pico_tensor {
    let size = element == PICO_INT8 ? 1 : element == PICO_FLOAT16 ? 2 : 4
    return pico_tensor(
        data: data, element: element, channel: shape[1] * shape[2] * size, row: shape[2] * size,
        column: size)
}

func hexadecimal(_ bytes: UnsafeRawBufferPointer) -> String {
    bytes.map { byte in
        let text = String(byte, radix: 16)
        return byte < 16 ? "0" + text : text
    }.joined()
}

/// SHA-256 by the core, in hexadecimal.
public func sha256(_ data: Data) -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    data.withUnsafeBytes { bytes in
        pico_sha256(bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count, &digest)
    }
    return digest.withUnsafeBytes { hexadecimal($0) }
}
