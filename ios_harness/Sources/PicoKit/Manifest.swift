import Foundation

/// `manifest.json` of a bundle, as far as a device needs it. The full schema is in docs/bundle.md.
public struct Manifest: Codable, Sendable {
    public struct Geometry: Codable, Sendable {
        public let payload, border, yStride, zStride, yChannels, zChannels, levels: Int

        enum CodingKeys: String, CodingKey {
            case payload, border, levels
            case yStride = "y_stride"
            case zStride = "z_stride"
            case yChannels = "y_channels"
            case zChannels = "z_channels"
        }
    }

    /// One input or output of an artefact; `name` is the file's own.
    public struct Tensor: Codable, Sendable {
        public let role: Role
        public let name: String
        public let layout: String
        public let dtype: String
        public let shape: [Int]
    }

    public struct Artefact: Codable, Sendable {
        public let runtime, part, precision, path: String
        public let inputs, outputs: [Tensor]
    }

    public struct FileEntry: Codable, Sendable {
        public let size: Int
        public let sha256: String
    }

    public let schemaVersion: Int
    public let codec: String
    public let modelVersion: String
    public let geometry: Geometry
    public let anchorTable: [[Float]]
    public let entropyFingerprint: String
    public let pixelFingerprint: String
    public let artefacts: [Artefact]
    public let files: [String: FileEntry]

    enum CodingKeys: String, CodingKey {
        case codec, geometry, artefacts, files
        case schemaVersion = "schema_version"
        case modelVersion = "model_version"
        case anchorTable = "anchor_table"
        case entropyFingerprint = "entropy_fingerprint"
        case pixelFingerprint = "pixel_fingerprint"
    }
}

/// What a tensor is for.
public enum Role: String, Codable, Sendable {
    case x, anchors, z, y
    case yMask = "y_mask"
    case zMask = "z_mask"
    case xHat = "x_hat"
}

/// The two float parts of a codec.
public enum PartName: String, Sendable {
    case analysis, synthesis
}

/// A bundle on disk whose files were compared with its manifest.
public struct PicoBundle: Sendable {
    public static let manifestName = "manifest.json"
    public static let entropyName = "entropy.bin"

    public let url: URL
    public let manifest: Manifest
    public let manifestSHA256: String
    public let entropyBin: Data
    /// Sum of the sizes of all files, the manifest included.
    public let size: Int

    /// Opens a folder. Throws `PicoError.bundle` for a file that is missing or not the sealed one.
    public init(_ url: URL) throws {
        let name = url.lastPathComponent
        guard let json = try? Data(contentsOf: url.appendingPathComponent(Self.manifestName)) else {
            throw PicoError.bundle("\(name): has no \(Self.manifestName); copy the whole bundle folder")
        }
        let manifest: Manifest
        do {
            manifest = try JSONDecoder().decode(Manifest.self, from: json)
        } catch {
            throw PicoError.bundle("\(name): \(Self.manifestName) cannot be read (\(error))")
        }
        guard manifest.schemaVersion == 1 else {
            throw PicoError.bundle(
                "\(name): manifest version \(manifest.schemaVersion); this harness reads version 1")
        }
        var total = json.count
        var entropy: Data?
        for (path, entry) in manifest.files {
            guard let data = try? Data(contentsOf: url.appendingPathComponent(path)) else {
                throw PicoError.bundle("\(name): \(path) is missing; copy the whole bundle folder")
            }
            guard data.count == entry.size, sha256(data) == entry.sha256 else {
                throw PicoError.bundle("\(name): \(path) is not the file that was sealed; convert again")
            }
            total += data.count
            if path == Self.entropyName { entropy = data }
        }
        guard let entropy else {
            throw PicoError.bundle("\(name): has no \(Self.entropyName)")
        }
        self.url = url
        self.manifest = manifest
        manifestSHA256 = sha256(json)
        entropyBin = entropy
        size = total
    }

    /// The artefact of a part for a runtime; throws when the bundle has none.
    public func artefact(
        _ part: PartName, runtime: String, precision: String? = nil
    ) throws -> Manifest.Artefact {
        let found = manifest.artefacts.first { artefact in
            artefact.part == part.rawValue && artefact.runtime == runtime
                && (precision == nil || artefact.precision == precision)
        }
        guard let found else {
            throw PicoError.bundle(
                "\(url.lastPathComponent): has no \(runtime) artefact of \(part.rawValue); "
                    + "convert with that target")
        }
        return found
    }

    /// The level input of the float parts.
    public func anchors(level: Int) throws -> [Float] {
        guard manifest.anchorTable.indices.contains(level) else {
            throw PicoError.usage(
                "level \(level) does not exist; the bundle has 0…\(manifest.anchorTable.count - 1)")
        }
        return manifest.anchorTable[level]
    }
}
