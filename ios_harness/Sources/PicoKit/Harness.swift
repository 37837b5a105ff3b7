#if canImport(CoreML)
import CoreML
import Foundation

/// One measurement as the app and the test run it: a bundle, Core ML, a 12-megapixel image, one result
/// file. Settings come from the environment, so that a driver on another machine can set them.
public struct Harness: Sendable {
    public var job = BenchmarkJob()
    public var width = 4032
    public var height = 3024
    public var units: MLComputeUnits = .cpuAndNeuralEngine

    /// Reads `PICO_LEVEL`, `PICO_ITERATIONS`, `PICO_WARM_UP`, `PICO_SIZE` (4032x3024) and
    /// `PICO_UNITS` (neural-engine, gpu, cpu, all). Throws for a value that makes no sense.
    public init(environment: [String: String]) throws {
        job.level = try Self.number(environment, "PICO_LEVEL") ?? job.level
        job.iterations = try Self.number(environment, "PICO_ITERATIONS") ?? job.iterations
        job.warmUpIterations = try Self.number(environment, "PICO_WARM_UP") ?? job.warmUpIterations
        if let size = environment["PICO_SIZE"] {
            let sides = size.split(separator: "x").compactMap { Int($0) }
            guard sides.count == 2, sides.allSatisfy({ $0 > 0 }) else {
                throw PicoError.usage("PICO_SIZE is \(size); write it as 4032x3024")
            }
            width = sides[0]
            height = sides[1]
        }
        if let name = environment["PICO_UNITS"] {
            let known: [String: MLComputeUnits] = [
                "neural-engine": .cpuAndNeuralEngine, "gpu": .cpuAndGPU, "cpu": .cpuOnly, "all": .all,
            ]
            guard let chosen = known[name] else {
                throw PicoError.usage(
                    "PICO_UNITS is \(name); known: \(known.keys.sorted().joined(separator: ", "))")
            }
            units = chosen
        }
    }

    /// Loads the bundle twice (cold and warm), measures, and checks that symbols come back.
    /// Cold means: compiled for this device and loaded, nothing cached.
    public func run(bundleAt url: URL, cache: URL) async throws -> MeasurementResult {
        let bundle = try PicoBundle(url)
        try? FileManager.default.removeItem(at: cache)
        let cold = try await load(bundle, cache: cache)
        let warm = try await load(bundle, cache: cache)
        let load = Load(
            coldNs: cold.nanoseconds, coldMeans: "compiled on this device and loaded, no cache",
            warmNs: [warm.nanoseconds])
        let pipeline = try TilePipeline(
            bundle: bundle, analysis: warm.analysis, synthesis: warm.synthesis)
        var report = warm.synthesis.report
        report.operationsByUnit = Self.sum(
            warm.analysis.report.operationsByUnit, warm.synthesis.report.operationsByUnit)
        report.observed = report.operationsByUnit.map { units in
            units.keys.sorted().joined(separator: "+")
        }
        let benchmark = Benchmark(pipeline: pipeline, report: report, load: load)
        return try await benchmark.run(
            job, image: syntheticImage(width: width, height: height),
            imageName: "synthetic \(width)×\(height)", synthetic: true)
    }

    private func load(_ bundle: PicoBundle, cache: URL) async throws
        -> (analysis: CoreMLPart, synthesis: CoreMLPart, nanoseconds: UInt64)
    {
        let analysis = try await CoreMLPart(
            bundle: bundle, part: .analysis, units: units, cache: cache)
        let synthesis = try await CoreMLPart(
            bundle: bundle, part: .synthesis, units: units, cache: cache)
        return (analysis, synthesis, analysis.loadNanoseconds + synthesis.loadNanoseconds)
    }

    private static func sum(_ a: [String: Int]?, _ b: [String: Int]?) -> [String: Int]? {
        guard let a, let b else { return nil }
        return a.merging(b, uniquingKeysWith: +)
    }

    private static func number(_ environment: [String: String], _ name: String) throws -> Int? {
        guard let text = environment[name] else { return nil }
        guard let value = Int(text), value >= 0 else {
            throw PicoError.usage("\(name) is \(text); write a whole number")
        }
        return value
    }
}

/// Where the app finds its bundle: pushed into Documents, or shipped as a resource.
public func installedBundle(named name: String = "pico.bundle") throws -> URL {
    let documents = URL.documentsDirectory.appendingPathComponent(name)
    if FileManager.default.fileExists(atPath: documents.path) { return documents }
    if let shipped = Bundle.main.resourceURL?.appendingPathComponent(name),
        FileManager.default.fileExists(atPath: shipped.path)
    {
        return shipped
    }
    throw PicoError.bundle("there is no \(name) in Documents or in the app; copy a bundle there")
}
#endif
