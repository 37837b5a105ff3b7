import Foundation
import PicoCore

/// An 8-bit RGB image in memory, three bytes a pixel, row by row. Tiles of one image may be written
/// from several threads, because they do not overlap.
public final class PixelImage: @unchecked Sendable {
    public let width: Int
    public let height: Int
    let base: UnsafeMutablePointer<UInt8>

    public init(width: Int, height: Int) {
        self.width = width
        self.height = height
        base = UnsafeMutablePointer<UInt8>.allocate(capacity: 3 * width * height)
        base.initialize(repeating: 0, count: 3 * width * height)
    }

    /// A copy of `bytes`, which must be `3 · width · height` of them.
    public convenience init(width: Int, height: Int, bytes: Data) throws {
        guard bytes.count == 3 * width * height else {
            throw PicoError.usage("\(bytes.count) bytes are no RGB image of \(width)×\(height)")
        }
        self.init(width: width, height: height)
        bytes.copyBytes(to: base, count: bytes.count)
    }

    deinit { base.deallocate() }

    public var bytes: Data { Data(bytes: base, count: 3 * width * height) }
    /// SHA-256 of the samples, row by row.
    public var sha256Hex: String { sha256(bytes) }

    private var rows: pico_rows {
        pico_rows(data: base, first_row: 0, rows: UInt32(height), stride: 3 * width)
    }

    /// A tile, border included, as input of `analysis`.
    func tile(
        _ tile: Int, grid: TileGrid, model: EntropyModel, element: TensorValue.Element
    ) throws -> TensorValue {
        let shape = [1, 3, model.tile, model.tile]
        var value = TensorValue(
            element: element, shape: shape, bytes: Data(count: shape.reduce(element.size, *)))
        var fault = pico_fault()
        var tileGrid = grid.grid
        var source = rows
        try value.bytes.withUnsafeMutableBytes { raw in
            var tensor = packedTensor(raw.baseAddress, element.core, Array(shape[1...]))
            try check(
                pico_tile_from_pixels(
                    model.pointer, &tileGrid, UInt32(tile), &source, &tensor, &fault),
                fault, doing: "cutting tile \(tile)")
        }
        return value
    }

    /// Writes the payload of a tile; returns how many samples were not a number.
    func put(_ tile: Int, _ value: TensorValue, grid: TileGrid, model: EntropyModel) throws -> UInt64 {
        var fault = pico_fault()
        var tileGrid = grid.grid
        var target = rows
        var notNumbers: UInt64 = 0
        var pixels = value.bytes
        try pixels.withUnsafeMutableBytes { raw in
            var tensor = packedTensor(
                raw.baseAddress, value.element.core, [3, model.tile, model.tile])
            try check(
                pico_tile_to_pixels(
                    model.pointer, &tileGrid, UInt32(tile), &tensor, &target, &notNumbers, &fault),
                fault, doing: "writing tile \(tile)")
        }
        return notNumbers
    }
}

extension TensorValue.Element {
    var core: pico_element { self == .float16 ? PICO_FLOAT16 : PICO_FLOAT32 }
}
