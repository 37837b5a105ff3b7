import Foundation

/// Encodes and decodes images tile by tile: the core works on one group of tiles while the
/// accelerator works on another. An actor, because the parts run one tile at a time.
public actor TilePipeline {
    public nonisolated let bundle: PicoBundle
    public nonisolated let model: EntropyModel
    private let analysis: any TilePart
    private let synthesis: any TilePart

    public init(bundle: PicoBundle, analysis: any TilePart, synthesis: any TilePart) throws {
        let model = try EntropyModel(bundle.entropyBin)
        guard model.fingerprint == bundle.manifest.entropyFingerprint else {
            throw PicoError.bundle("entropy.bin is \(model.fingerprint), the manifest states another")
        }
        self.bundle = bundle
        self.model = model
        self.analysis = analysis
        self.synthesis = synthesis
    }

    /// An encoded image and the symbols that `analysis` emitted, which stay outside of the stream.
    public struct Encoded: Sendable {
        public let stream: Data
        public let symbols: [TileSymbols]
    }

    /// A decoded image, the symbols that entered `synthesis`, and how many samples were not numbers.
    public struct Decoded: Sendable {
        public let image: PixelImage
        public let symbols: [TileSymbols]
        public let notNumbers: UInt64
    }

    /// Pixels → `.pico`. While the accelerator analyses a tile, the CPU cuts the next one out and
    /// codes the group before.
    public func encode(
        _ image: PixelImage, level: Int, recorder: PhaseRecorder = PhaseRecorder()
    ) async throws -> Encoded {
        let writer = try StreamWriter(
            model: model, width: image.width, height: image.height, level: level)
        let anchors = try bundle.anchors(level: level)
        let grid = writer.grid
        let inputs = try AnalysisInputs(analysis)
        let model = model
        func cut(_ tile: Int) -> Task<[Role: TensorValue], Error> {
            Task.detached {
                try recorder.timed(.pixelsIn) {
                    try inputs.values(tile, image: image, grid: grid, model: model, anchors: anchors)
                }
            }
        }

        var emitted: [TileSymbols] = []
        var coding: Task<Void, Error>?
        var next = cut(0)
        for group in 0..<writer.groups {
            var members: [TileSymbols] = []
            for tile in writer.tiles(of: group) {
                let values = try await next.value
                if tile + 1 < grid.tiles { next = cut(tile + 1) }
                let outputs = try await recorder.timedAsync(.analysis) {
                    try await analysis.run(values)
                }
                members.append(try tileSymbols(outputs))
            }
            emitted += members
            try await coding?.value
            let symbols = members
            coding = Task.detached {
                try recorder.timed(.entropy) { try writer.encode(group: group, symbols: symbols) }
            }
        }
        try await coding?.value
        let stream = try writer.finish(pixelFingerprint: bundle.manifest.pixelFingerprint)
        return Encoded(stream: stream, symbols: emitted)
    }

    /// `.pico` → pixels. While the accelerator synthesises a tile, the CPU decodes the next group and
    /// writes the tile before.
    public func decode(
        _ stream: Data, recorder: PhaseRecorder = PhaseRecorder()
    ) async throws -> Decoded {
        let model = model
        let reader = try recorder.timed(.parse) { try StreamReader(stream, model: model) }
        guard reader.pixelFingerprint == bundle.manifest.pixelFingerprint else {
            throw PicoError.bundle(
                "the stream was made for synthesis weights \(reader.pixelFingerprint), the bundle "
                    + "holds \(bundle.manifest.pixelFingerprint); use the bundle it was made with")
        }
        let grid = reader.grid
        let image = PixelImage(width: grid.width, height: grid.height)
        func decoded(_ group: Int) -> Task<[TileSymbols], Error> {
            Task.detached { try recorder.timed(.entropy) { try reader.decode(group: group) } }
        }

        var all: [TileSymbols] = []
        var notNumbers: UInt64 = 0
        var writing: Task<UInt64, Error>?
        var next = decoded(0)
        for group in 0..<reader.groups {
            let symbols = try await next.value
            if group + 1 < reader.groups { next = decoded(group + 1) }
            for (tile, tileSymbols) in zip(reader.tiles(of: group), symbols) {
                let anchors = try bundle.anchors(level: reader.level(of: tile))
                let outputs = try await recorder.timedAsync(.synthesis) {
                    try await synthesis.run(try synthesisInputs(tileSymbols, anchors: anchors))
                }
                guard let pixels = outputs[.xHat] else {
                    throw PicoError.unavailable("synthesis gave no x_hat")
                }
                notNumbers += try await writing?.value ?? 0
                writing = Task.detached {
                    try recorder.timed(.pixelsOut) {
                        try image.put(tile, pixels, grid: grid, model: model)
                    }
                }
            }
            all += symbols
        }
        notNumbers += try await writing?.value ?? 0
        return Decoded(image: image, symbols: all, notNumbers: notNumbers)
    }

    private func tileSymbols(_ outputs: [Role: TensorValue]) throws -> TileSymbols {
        guard let z = outputs[.z], let y = outputs[.y] else {
            throw PicoError.unavailable("analysis gave no z or no y")
        }
        return TileSymbols(z: try symbols(of: z, named: "z"), y: try symbols(of: y, named: "y"))
    }

    private func synthesisInputs(
        _ symbols: TileSymbols, anchors: [Float]
    ) throws -> [Role: TensorValue] {
        let z = try synthesis.input(.z)
        let y = try synthesis.input(.y)
        let gain = try synthesis.input(.anchors)
        return [
            .z: TensorValue(element: z.element, shape: z.shape, symbols: symbols.z),
            .y: TensorValue(element: y.element, shape: y.shape, symbols: symbols.y),
            .anchors: TensorValue(element: gain.element, shape: gain.shape, values: anchors),
        ]
    }
}

/// The inputs of `analysis` for a tile, in the types its artefact wants.
private struct AnalysisInputs: Sendable {
    let x: TensorValue.Element
    let anchors, yMask, zMask: (element: TensorValue.Element, shape: [Int])

    init(_ part: any TilePart) throws {
        x = try part.input(.x).element
        anchors = try part.input(.anchors)
        yMask = try part.input(.yMask)
        zMask = try part.input(.zMask)
    }

    func values(
        _ tile: Int, image: PixelImage, grid: TileGrid, model: EntropyModel, anchors gain: [Float]
    ) throws -> [Role: TensorValue] {
        [
            .x: try image.tile(tile, grid: grid, model: model, element: x),
            .anchors: TensorValue(element: anchors.element, shape: anchors.shape, values: gain),
            .yMask: TensorValue(
                element: yMask.element, shape: yMask.shape,
                values: grid.yMask(tile, side: model.yShape[1])),
            .zMask: TensorValue(
                element: zMask.element, shape: zMask.shape,
                values: grid.zMask(tile, side: model.zShape[1])),
        ]
    }
}
