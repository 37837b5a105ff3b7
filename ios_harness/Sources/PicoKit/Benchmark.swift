import Foundation
import PicoCore

/// What to measure.
public struct BenchmarkJob: Codable, Sendable {
    public var level: Int
    public var iterations: Int
    public var warmUpIterations: Int

    public init(level: Int = 40, iterations: Int = 20, warmUpIterations: Int = 2) {
        self.level = level
        self.iterations = iterations
        self.warmUpIterations = warmUpIterations
    }
}

/// Encodes and decodes one image again and again, every pass timed and checked. Nothing is dropped:
/// every timed pass is in the result.
public struct Benchmark: Sendable {
    public let pipeline: TilePipeline
    public let report: PartReport
    public let load: Load?

    public init(pipeline: TilePipeline, report: PartReport, load: Load?) {
        self.pipeline = pipeline
        self.report = report
        self.load = load
    }

    /// Throws `PicoError.symbols` when a decode does not give back what `analysis` emitted.
    public func run(_ job: BenchmarkJob, image: PixelImage, imageName: String, synthetic: Bool)
        async throws -> MeasurementResult
    {
        guard job.iterations > 0, job.warmUpIterations > 0 else {
            throw PicoError.usage("at least one warm-up and one timed iteration are needed")
        }
        var run = Run(runtime: report.runtime, acceleratorRequested: report.requested)
        run.runtimeVersion = report.version
        run.acceleratorObserved = report.observed
        run.acceleratorEvidence = report.evidence
        run.operationsByUnit = report.operationsByUnit
        run.precision = report.precision
        run.load = load
        run.warmUpIterations = job.warmUpIterations
        run.conditionsBefore = await currentConditions()

        var encoded = try await pipeline.encode(image, level: job.level)
        for _ in 1..<job.warmUpIterations {
            encoded = try await pipeline.encode(image, level: job.level)
        }
        let stream = encoded.stream
        let emitted = encoded.symbols
        var changed = 0
        run.encode = try await measured(job.iterations) { recorder in
            let again = try await pipeline.encode(image, level: job.level, recorder: recorder)
            if again.stream != stream { changed += 1 }
        }
        if changed > 0 {
            run.notes.append("\(changed) of \(job.iterations) encodes gave another stream than the first")
        }

        var decoded = try await pipeline.decode(stream)
        guard decoded.symbols == emitted else {
            throw PicoError.symbols("the decoder's symbols are not those that analysis emitted")
        }
        for _ in 1..<job.warmUpIterations { decoded = try await pipeline.decode(stream) }
        let pixels = decoded.image.sha256Hex
        run.decode = try await measured(job.iterations) { recorder in
            _ = try await pipeline.decode(stream, recorder: recorder)
        }
        if decoded.notNumbers > 0 {
            run.notes.append("\(decoded.notNumbers) decoded samples were not a number and became 0")
        }
        run.streamBytes = stream.count
        run.hashes.emittedSymbolsSHA256 = symbolsSHA256(emitted)
        run.hashes.decodedSymbolsSHA256 = symbolsSHA256(decoded.symbols)
        run.hashes.streamSHA256 = sha256(stream)
        run.hashes.decodedPixelsSHA256 = pixels
        run.conditionsAfter = await currentConditions()
        run.notes.append("read_back is inside analysis and synthesis, which end when outputs are readable")

        let device = currentDevice()
        let manifest = pipeline.bundle.manifest
        return MeasurementResult(
            provenance: provenance(of: device),
            tool: Tool(
                name: "PicoHarness", version: harnessVersion,
                coreBitstreamVersion: "\(PICO_VERSION_MAJOR).\(PICO_VERSION_MINOR)",
                coreKernels: EntropyModel.kernels()),
            device: device,
            bundle: BundleIdentity(
                name: pipeline.bundle.url.lastPathComponent, codec: manifest.codec,
                modelVersion: manifest.modelVersion,
                manifestSHA256: pipeline.bundle.manifestSHA256,
                entropyFingerprint: manifest.entropyFingerprint,
                pixelFingerprint: manifest.pixelFingerprint, bundleBytes: pipeline.bundle.size),
            workload: Workload(
                image: imageName, imageSource: synthetic ? "synthetic" : "file", width: image.width,
                height: image.height,
                tiles: try pipeline.model.grid(width: image.width, height: image.height).tiles,
                level: job.level, pixelsSHA256: image.sha256Hex),
            target: "ios", runs: [run])
    }

    private func measured(
        _ iterations: Int, _ pass: (PhaseRecorder) async throws -> Void
    ) async throws -> CodecOperation {
        var latencies: [UInt64] = []
        var recorders: [PhaseRecorder] = []
        for _ in 0..<iterations {
            let recorder = PhaseRecorder()
            let start = monotonicNanoseconds()
            try await pass(recorder)
            latencies.append(monotonicNanoseconds() - start)
            recorders.append(recorder)
        }
        var phases: [String: PhaseSamples] = [:]
        for phase in Phase.allCases where recorders.contains(where: { !$0.samples(phase).isEmpty }) {
            phases[phase.rawValue] = PhaseSamples(samplesNs: recorders.map { $0.samples(phase) })
        }
        return CodecOperation(
            latencyNs: latencies, phases: phases, readBack: "within",
            overlapEfficiency: zip(latencies, recorders).map { $1.overlapEfficiency(latency: $0) })
    }
}

/// Version of this harness; that of the project.
public let harnessVersion = "0.1.0"

/// A picture without a file: gradients, edges and noise, the same on every device.
public func syntheticImage(width: Int, height: Int) -> PixelImage {
    let image = PixelImage(width: width, height: height)
    var noise: UInt32 = 0x9E37_79B9
    for row in 0..<height {
        for column in 0..<width {
            noise = noise &* 1_664_525 &+ 1_013_904_223
            let at = 3 * (row * width + column)
            let check: Int = ((row / 64) + (column / 64)) % 2 == 0 ? 24 : 0
            let grain = Int(noise >> 29)
            image.base[at] = UInt8(clamping: 200 * column / width + check + grain)
            image.base[at + 1] = UInt8(clamping: 200 * row / height + check + grain)
            image.base[at + 2] = UInt8(clamping: 100 + 100 * (row + column) / (width + height) + grain)
        }
    }
    return image
}
