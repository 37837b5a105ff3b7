import Foundation
import PicoCore

/// Symbols of one tile as int8 in (channel, row, column) order; void elements are 0.
public struct TileSymbols: Sendable, Equatable {
    public var z: [Int8]
    public var y: [Int8]
}

/// One hash over all tiles in order, `z` and then `y`: what every decoder must reproduce.
public func symbolsSHA256(_ tiles: [TileSymbols]) -> String {
    var data = Data(capacity: tiles.reduce(0) { $0 + $1.z.count + $1.y.count })
    for tile in tiles {
        tile.z.withUnsafeBytes { data.append(contentsOf: $0) }
        tile.y.withUnsafeBytes { data.append(contentsOf: $0) }
    }
    return sha256(data)
}

/// A `.pico` file opened with the model it was made with.
public final class StreamReader: @unchecked Sendable {
    public let model: EntropyModel
    public let grid: TileGrid
    let image: pico_image
    private let data: Data
    private let streams: [pico_entry]

    /// Checks the header, the directories and the entropy fingerprint.
    public init(_ data: Data, model: EntropyModel) throws {
        var image = pico_image()
        var fault = pico_fault()
        var chunks: [pico_entry] = []
        var streams: [pico_entry] = []
        try data.withUnsafeBytes { raw in
            let bytes = raw.bindMemory(to: UInt8.self)
            try check(
                pico_parse(bytes.baseAddress, bytes.count, &image, &fault), fault,
                doing: "reading the stream")
            try check(
                pico_model_check(model.pointer, bytes.baseAddress, &image, &fault), fault,
                doing: "matching stream and model")
            chunks = [pico_entry](repeating: pico_entry(), count: Int(image.chunks))
            streams = [pico_entry](repeating: pico_entry(), count: Int(image.streams))
            try check(
                pico_directory(bytes.baseAddress, bytes.count, &image, &chunks, &streams), fault,
                doing: "reading the directory")
        }
        self.data = data
        self.model = model
        self.image = image
        self.streams = streams
        grid = try model.grid(width: Int(image.width), height: Int(image.height))
    }

    /// Identifies the weights of `synthesis` that the stream was made for, in hexadecimal.
    public var pixelFingerprint: String {
        withUnsafeBytes(of: image.pixel_fingerprint) { hexadecimal($0) }
    }
    /// Number of groups of tiles; each decodes alone.
    public var groups: Int { streams.count }

    /// Tiles of a group, numbered over the image.
    public func tiles(of group: Int) -> Range<Int> {
        let each = Int(image.layout.tiles_per_stream)
        return group * each..<min((group + 1) * each, grid.tiles)
    }

    public func level(of tile: Int) -> Int {
        withUnsafePointer(to: image) { header in
            data.withUnsafeBytes { raw in
                Int(pico_tile_level(raw.bindMemory(to: UInt8.self).baseAddress, header, UInt32(tile)))
            }
        }
    }

    /// All tiles of a group, or an error that says which tiles are lost; no other group is touched.
    public func decode(group: Int) throws -> [TileSymbols] {
        let members = tiles(of: group)
        let zShape = model.zShape
        let yShape = model.yShape
        let zCount = zShape.reduce(1, *)
        let yCount = yShape.reduce(1, *)
        var z = [Int8](repeating: 0, count: zCount * members.count)
        var y = [Int8](repeating: 0, count: yCount * members.count)
        var fault = pico_fault()
        var scratchSize = 0
        try check(pico_decode_memory(model.pointer, &scratchSize), fault, doing: "decoding")
        let scratch = Scratch(scratchSize)
        var header = image
        var entry = streams[group]
        try z.withUnsafeMutableBytes { zBytes in
            try y.withUnsafeMutableBytes { yBytes in
                let zTensors = members.map { tile in
                    packedTensor(
                        zBytes.baseAddress?.advanced(by: (tile - members.lowerBound) * zCount),
                        PICO_INT8, zShape)
                }
                let yTensors = members.map { tile in
                    packedTensor(
                        yBytes.baseAddress?.advanced(by: (tile - members.lowerBound) * yCount),
                        PICO_INT8, yShape)
                }
                try data.withUnsafeBytes { raw in
                    let bytes = raw.bindMemory(to: UInt8.self)
                    try check(
                        pico_decode_stream(
                            model.pointer, bytes.baseAddress, bytes.count, &header, UInt32(group),
                            &entry, zTensors, yTensors, scratch.pointer, scratch.size, &fault),
                        fault, doing: "tiles \(members.lowerBound) to \(members.upperBound - 1)")
                }
            }
        }
        return (0..<members.count).map { tile in
            TileSymbols(
                z: Array(z[tile * zCount..<(tile + 1) * zCount]),
                y: Array(y[tile * yCount..<(tile + 1) * yCount]))
        }
    }
}

/// Codes the symbols of one image; groups may be coded in any order and from any thread.
public final class StreamWriter: @unchecked Sendable {
    public let model: EntropyModel
    public let grid: TileGrid
    private let levels: [UInt8]
    private let layout: pico_layout
    private let lock = NSLock()
    private var coded: [Data?]

    /// One level for the whole image.
    public init(model: EntropyModel, width: Int, height: Int, level: Int) throws {
        guard (0..<model.levels).contains(level) else {
            throw PicoError.usage("level \(level) does not exist; the model has 0…\(model.levels - 1)")
        }
        self.model = model
        grid = try model.grid(width: width, height: height)
        levels = [UInt8](repeating: UInt8(level), count: grid.tiles)
        layout = pico_layout_default(UInt32(grid.tiles))
        var tileGrid = grid.grid
        var packing = layout
        coded = [Data?](repeating: nil, count: Int(pico_stream_count(&tileGrid, &packing)))
    }

    public var groups: Int { coded.count }

    public func tiles(of group: Int) -> Range<Int> {
        let each = Int(layout.tiles_per_stream)
        return group * each..<min((group + 1) * each, grid.tiles)
    }

    /// Codes a group. The symbols are never altered.
    public func encode(group: Int, symbols: [TileSymbols]) throws {
        guard symbols.count == tiles(of: group).count else {
            throw PicoError.usage("group \(group) has \(tiles(of: group).count) tiles, not \(symbols.count)")
        }
        var fault = pico_fault()
        var tileGrid = grid.grid
        var packing = layout
        var scratchSize = 0
        var capacity = 0
        try check(
            pico_encode_memory(model.pointer, &tileGrid, &packing, &scratchSize, &capacity), fault,
            doing: "coding group \(group)")
        let scratch = Scratch(scratchSize)
        var out = [UInt8](repeating: 0, count: capacity)
        var size = 0
        var z = symbols.flatMap(\.z)
        var y = symbols.flatMap(\.y)
        let zCount = model.zShape.reduce(1, *)
        let yCount = model.yShape.reduce(1, *)
        guard z.count == zCount * symbols.count, y.count == yCount * symbols.count else {
            throw PicoError.usage("group \(group): symbols are not of the model's shape")
        }
        try z.withUnsafeMutableBytes { zBytes in
            try y.withUnsafeMutableBytes { yBytes in
                let zTensors = (0..<symbols.count).map { tile in
                    packedTensor(
                        zBytes.baseAddress?.advanced(by: tile * zCount), PICO_INT8, model.zShape)
                }
                let yTensors = (0..<symbols.count).map { tile in
                    packedTensor(
                        yBytes.baseAddress?.advanced(by: tile * yCount), PICO_INT8, model.yShape)
                }
                try check(
                    pico_encode_stream(
                        model.pointer, &tileGrid, &packing, levels, UInt32(group),
                        Int32(PICO_SKIP_AUTO), zTensors, yTensors, scratch.pointer,
                        scratch.size, &out, capacity, &size, &fault),
                    fault, doing: "coding group \(group)")
            }
        }
        lock.lock()
        defer { lock.unlock() }
        coded[group] = Data(out[0..<size])
    }

    /// The whole file, when every group is coded. `pixelFingerprint`: 16 hexadecimal digits.
    public func finish(pixelFingerprint: String) throws -> Data {
        lock.lock()
        defer { lock.unlock() }
        let parts = coded.compactMap { $0 }
        guard parts.count == coded.count else {
            throw PicoError.usage("not every group of tiles is coded")
        }
        guard let fingerprint = bytes(ofHexadecimal: pixelFingerprint), fingerprint.count == 8 else {
            throw PicoError.bundle("the pixel fingerprint \(pixelFingerprint) is not 16 digits")
        }
        var file = pico_file()
        file.entropy_fingerprint = model.info.fingerprint
        withUnsafeMutableBytes(of: &file.pixel_fingerprint) { $0.copyBytes(from: fingerprint) }
        file.grid = grid.grid
        file.layout = layout
        // One block holds all streams, so that one pointer stays valid for all spans.
        let block = parts.reduce(into: Data()) { $0.append($1) }
        return try block.withUnsafeBytes { raw in
            let base = raw.bindMemory(to: UInt8.self).baseAddress
            var offset = 0
            let spans = parts.map { part in
                defer { offset += part.count }
                return pico_span(data: base?.advanced(by: offset), size: part.count)
            }
            return try levels.withUnsafeBufferPointer { levels in
                try spans.withUnsafeBufferPointer { spans in
                    file.levels = levels.baseAddress
                    file.streams = spans.baseAddress
                    return try write(&file)
                }
            }
        }
    }

    private func write(_ file: inout pico_file) throws -> Data {
        var fault = pico_fault()
        var size = 0
        try check(pico_file_size(&file, &size, &fault), fault, doing: "writing the file")
        var out = [UInt8](repeating: 0, count: size)
        try check(
            pico_file_write(model.pointer, &file, &out, size, &size, &fault), fault,
            doing: "writing the file")
        return Data(out[0..<size])
    }
}

/// Bytes of a string of hexadecimal digits, nil if it is none.
func bytes(ofHexadecimal text: String) -> [UInt8]? {
    let digits = text.compactMap(\.hexDigitValue)
    guard digits.count == text.count, digits.count % 2 == 0 else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
}
