#if canImport(CoreML)
import CoreML
import Foundation

/// A part of a bundle as Core ML runs it, on the Neural Engine where that takes it.
public final class CoreMLPart: TilePart, @unchecked Sendable {
    public let report: PartReport
    /// Time to compile and load.
    public let loadNanoseconds: UInt64
    private let model: MLModel
    private let artefact: Manifest.Artefact
    private let inputs: [Role: SurfaceArray]
    private let outputs: [Role: SurfaceArray]
    private let provider: MLDictionaryFeatureProvider
    private let options: MLPredictionOptions

    /// Compiles (or takes from `cache`) and loads a part. `cache` is a folder of compiled models named
    /// by the hash of what they were compiled from; loading from it is a warm load.
    public init(
        bundle: PicoBundle, part: PartName, units: MLComputeUnits = .cpuAndNeuralEngine, cache: URL
    ) async throws {
        let artefact = try bundle.artefact(part, runtime: "coreml")
        let start = monotonicNanoseconds()
        let compiled = try await Self.compiled(bundle: bundle, artefact: artefact, cache: cache)
        let configuration = MLModelConfiguration()
        configuration.computeUnits = units
        model = try await MLModel.load(contentsOf: compiled, configuration: configuration)
        loadNanoseconds = monotonicNanoseconds() - start

        var inputs: [Role: SurfaceArray] = [:]
        var outputs: [Role: SurfaceArray] = [:]
        for tensor in artefact.inputs { inputs[tensor.role] = try SurfaceArray(shape: tensor.shape) }
        for tensor in artefact.outputs { outputs[tensor.role] = try SurfaceArray(shape: tensor.shape) }
        guard artefact.inputs.allSatisfy({ $0.dtype == "float16" }),
            artefact.outputs.allSatisfy({ $0.dtype == "float16" })
        else {
            throw PicoError.bundle("\(artefact.path): inputs and outputs must be float16")
        }
        var features: [String: MLFeatureValue] = [:]
        for tensor in artefact.inputs {
            features[tensor.name] = inputs[tensor.role].map { MLFeatureValue(multiArray: $0.array) }
        }
        provider = try MLDictionaryFeatureProvider(dictionary: features)
        options = MLPredictionOptions()
        for tensor in artefact.outputs {
            options.outputBackings[tensor.name] = outputs[tensor.role]?.array
        }
        self.artefact = artefact
        self.inputs = inputs
        self.outputs = outputs
        report = await placement(
            of: compiled, configuration: configuration, precision: artefact.precision)
    }

    public func input(_ role: Role) throws -> (element: TensorValue.Element, shape: [Int]) {
        guard let tensor = artefact.inputs.first(where: { $0.role == role }) else {
            throw PicoError.bundle("\(artefact.path): has no input \(role.rawValue)")
        }
        return (.float16, tensor.shape)
    }

    public func run(_ values: [Role: TensorValue]) async throws -> [Role: TensorValue] {
        for (role, surface) in inputs {
            guard let value = values[role], value.element == .float16 else {
                throw PicoError.usage("\(artefact.path): input \(role.rawValue) must be float16")
            }
            try surface.fill(value.bytes)
        }
        let features = try await model.prediction(from: provider, options: options)
        var result: [Role: TensorValue] = [:]
        for tensor in artefact.outputs {
            guard let surface = outputs[tensor.role],
                let array = features.featureValue(for: tensor.name)?.multiArrayValue
            else {
                throw PicoError.unavailable("\(artefact.path): gave no \(tensor.name)")
            }
            // Core ML may decline a backing; then the output lies elsewhere and is not ours to read.
            guard array === surface.array else {
                throw PicoError.unavailable(
                    "\(artefact.path): Core ML did not write \(tensor.name) into its IOSurface")
            }
            result[tensor.role] = TensorValue(
                element: .float16, shape: tensor.shape, bytes: try surface.dense())
        }
        return result
    }

    private static func compiled(
        bundle: PicoBundle, artefact: Manifest.Artefact, cache: URL
    ) async throws -> URL {
        let parts = bundle.manifest.files.filter { $0.key.hasPrefix(artefact.path + "/") }
        let identity = parts.sorted { $0.key < $1.key }.map { $0.key + $0.value.sha256 }.joined()
        let target = cache.appendingPathComponent(sha256(Data(identity.utf8)) + ".mlmodelc")
        if FileManager.default.fileExists(atPath: target.path) { return target }
        let made = try await MLModel.compileModel(at: bundle.url.appendingPathComponent(artefact.path))
        try FileManager.default.createDirectory(at: cache, withIntermediateDirectories: true)
        try FileManager.default.moveItem(at: made, to: target)
        return target
    }
}

/// What Core ML's own plan says about where operations run. Before iOS 17.4 there is no plan, and the
/// report then says nothing instead of guessing.
private func placement(
    of compiled: URL, configuration: MLModelConfiguration, precision: String
) async -> PartReport {
    var report = PartReport(
        runtime: "coreml", version: ProcessInfo.processInfo.operatingSystemVersionString,
        precision: precision, requested: name(of: configuration.computeUnits))
    guard #available(iOS 17.4, macOS 14.4, *) else { return report }
    guard let plan = try? await MLComputePlan.load(contentsOf: compiled, configuration: configuration),
        case .program(let program) = plan.modelStructure,
        let operations = program.functions["main"]?.block.operations
    else { return report }
    var byUnit: [String: Int] = [:]
    for operation in operations {
        // Constants have no usage.
        guard let usage = plan.deviceUsage(for: operation) else { continue }
        byUnit[name(of: usage.preferred), default: 0] += 1
    }
    report.operationsByUnit = byUnit
    report.observed = byUnit.count == 1 ? byUnit.keys.first : byUnit.keys.sorted().joined(separator: "+")
    report.evidence = "MLComputePlan: preferred device of each operation; a plan, not a trace"
    return report
}

private func name(of units: MLComputeUnits) -> String {
    switch units {
    case .cpuOnly: return "cpu"
    case .cpuAndGPU: return "gpu"
    case .cpuAndNeuralEngine: return "neural-engine"
    case .all: return "all"
    @unknown default: return "unknown"
    }
}

@available(iOS 17.4, macOS 14.4, *)
private func name(of device: MLComputeDevice) -> String {
    switch device {
    case .cpu: return "cpu"
    case .gpu: return "gpu"
    case .neuralEngine: return "neural-engine"
    @unknown default: return "unknown"
    }
}
#endif
