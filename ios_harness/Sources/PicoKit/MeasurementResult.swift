import Foundation

// The project's result schema (pico_deploy/measure/result.schema.json) in Swift; a test of the
// repository compares the fields. What could not be observed is nil, never guessed.

public let resultSchemaName = "pico-deploy/result"
public let resultSchemaVersion = 2

/// How a figure came about; only `device` allows a verdict about a device.
public enum Provenance: String, Codable, Sendable {
    case device, host, emulated, simulated, estimated, claimed
}

public enum ThermalState: String, Codable, Sendable {
    case nominal, fair, serious, critical
}

public struct Tool: Codable, Sendable {
    public var name: String
    public var version: String
    public var coreBitstreamVersion: String
    public var coreKernels: String
    public var compiler: String?

    enum CodingKeys: String, CodingKey {
        case name, version, compiler
        case coreBitstreamVersion = "core_bitstream_version"
        case coreKernels = "core_kernels"
    }
}

public struct Device: Codable, Sendable {
    public var model: String
    public var manufacturer: String?
    public var soc: String?
    public var architecture: String
    public var cpu: String?
    public var cpuCount: Int?
    public var memoryBytes: UInt64?
    public var os: String
    public var osVersion: String
    public var osBuild: String?
    public var identifiedBy: [String] = []
    public var emulatorMarkers: [String] = []

    enum CodingKeys: String, CodingKey {
        case model, manufacturer, soc, architecture, cpu, os
        case cpuCount = "cpu_count"
        case memoryBytes = "memory_bytes"
        case osVersion = "os_version"
        case osBuild = "os_build"
        case identifiedBy = "identified_by"
        case emulatorMarkers = "emulator_markers"
    }
}

public struct BundleIdentity: Codable, Sendable {
    public var name: String
    public var codec: String
    public var modelVersion: String?
    public var manifestSHA256: String
    public var entropyFingerprint: String
    public var pixelFingerprint: String
    public var bundleBytes: Int

    enum CodingKeys: String, CodingKey {
        case name, codec
        case modelVersion = "model_version"
        case manifestSHA256 = "manifest_sha256"
        case entropyFingerprint = "entropy_fingerprint"
        case pixelFingerprint = "pixel_fingerprint"
        case bundleBytes = "bundle_bytes"
    }
}

public struct Workload: Codable, Sendable {
    public var image: String
    public var imageSource: String
    public var width: Int
    public var height: Int
    public var tiles: Int
    public var level: Int
    public var pixelsSHA256: String

    enum CodingKeys: String, CodingKey {
        case image, width, height, tiles, level
        case imageSource = "image_source"
        case pixelsSHA256 = "pixels_sha256"
    }
}

public struct PhaseSamples: Codable, Sendable {
    public var samplesNs: [[UInt64]]
    public var partOf: String?
    public var note: String?

    enum CodingKeys: String, CodingKey {
        case note
        case samplesNs = "samples_ns"
        case partOf = "part_of"
    }
}

public struct CodecOperation: Codable, Sendable {
    public var latencyNs: [UInt64]
    public var phases: [String: PhaseSamples]
    public var readBack: String?
    public var overlapEfficiency: [Double?]?
    public var peakMemoryBytes: UInt64?

    enum CodingKeys: String, CodingKey {
        case phases
        case latencyNs = "latency_ns"
        case readBack = "read_back"
        case overlapEfficiency = "overlap_efficiency"
        case peakMemoryBytes = "peak_memory_bytes"
    }
}

public struct Load: Codable, Sendable {
    public var coldNs: UInt64
    public var coldMeans: String
    public var warmNs: [UInt64] = []

    enum CodingKeys: String, CodingKey {
        case coldNs = "cold_ns"
        case coldMeans = "cold_means"
        case warmNs = "warm_ns"
    }
}

public struct Conditions: Codable, Sendable {
    public var thermalState: ThermalState?
    public var batteryPercent: Double?
    public var charging: Bool?
    public var lowPower: Bool?

    public init() {}

    enum CodingKeys: String, CodingKey {
        case charging
        case thermalState = "thermal_state"
        case batteryPercent = "battery_percent"
        case lowPower = "low_power"
    }
}

public struct Hashes: Codable, Sendable {
    public var emittedSymbolsSHA256: String?
    public var decodedSymbolsSHA256: String?
    public var streamSHA256: String?
    public var decodedPixelsSHA256: String?

    enum CodingKeys: String, CodingKey {
        case emittedSymbolsSHA256 = "emitted_symbols_sha256"
        case decodedSymbolsSHA256 = "decoded_symbols_sha256"
        case streamSHA256 = "stream_sha256"
        case decodedPixelsSHA256 = "decoded_pixels_sha256"
    }
}

public struct Failure: Codable, Sendable {
    public var code: String
    public var message: String
}

public struct Run: Codable, Sendable {
    public var runtime: String
    public var runtimeVersion: String?
    public var acceleratorRequested: String
    public var acceleratorObserved: String?
    public var acceleratorEvidence: String?
    public var operationsByUnit: [String: Int]?
    public var precision: String?
    public var load: Load?
    public var encode: CodecOperation?
    public var decode: CodecOperation?
    public var streamBytes: Int?
    public var conditionsBefore = Conditions()
    public var conditionsAfter = Conditions()
    public var hashes = Hashes()
    public var warmUpIterations = 0
    public var failure: Failure?
    public var notes: [String] = []

    public init(runtime: String, acceleratorRequested: String) {
        self.runtime = runtime
        self.acceleratorRequested = acceleratorRequested
    }

    enum CodingKeys: String, CodingKey {
        case runtime, precision, load, encode, decode, hashes, failure, notes
        case runtimeVersion = "runtime_version"
        case acceleratorRequested = "accelerator_requested"
        case acceleratorObserved = "accelerator_observed"
        case acceleratorEvidence = "accelerator_evidence"
        case operationsByUnit = "operations_by_unit"
        case streamBytes = "stream_bytes"
        case conditionsBefore = "conditions_before"
        case conditionsAfter = "conditions_after"
        case warmUpIterations = "warm_up_iterations"
    }
}

public struct MeasurementResult: Codable, Sendable {
    public var schemaName = resultSchemaName
    public var schemaVersion = resultSchemaVersion
    public var provenance: Provenance
    public var tool: Tool
    public var device: Device
    public var bundle: BundleIdentity
    public var workload: Workload
    public var target: String?
    public var runs: [Run]
    public var notes: [String] = []

    enum CodingKeys: String, CodingKey {
        case provenance, tool, device, bundle, workload, target, runs, notes
        case schemaName = "schema_name"
        case schemaVersion = "schema_version"
    }

    /// Pretty-printed JSON, keys in order.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return try encoder.encode(self)
    }
}
