import Foundation
import XCTest

@testable import PicoKit

/// The pipeline with parts that need no accelerator: what goes in comes out, in order, and a part that
/// gives something else than symbols is found.
final class PipelineTests: XCTestCase {
    /// Stands in for Core ML: `analysis` samples the picture, `synthesis` paints grey.
    private struct Stand: TilePart {
        let bundle: PicoBundle
        let model: EntropyModel
        var spoil = false

        var report: PartReport {
            PartReport(runtime: "stand-in", version: nil, precision: "fp32", requested: "cpu")
        }

        func input(_ role: Role) throws -> (element: TensorValue.Element, shape: [Int]) {
            switch role {
            case .x, .xHat: return (.float32, [1, 3, model.tile, model.tile])
            case .anchors: return (.float32, [1, bundle.manifest.anchorTable[0].count])
            case .yMask: return (.float32, [1, 1, model.yShape[1], model.yShape[2]])
            case .zMask: return (.float32, [1, 1, model.zShape[1], model.zShape[2]])
            case .y: return (.float32, [1] + model.yShape)
            case .z: return (.float32, [1] + model.zShape)
            }
        }

        func run(_ inputs: [Role: TensorValue]) async throws -> [Role: TensorValue] {
            if inputs[.x] == nil {
                let shape = [1, 3, model.tile, model.tile]
                let grey = [Float](repeating: 0.5, count: shape.reduce(1, *))
                return [.xHat: TensorValue(element: .float32, shape: shape, values: grey)]
            }
            return [.z: try plane(.z, inputs[.zMask]), .y: try plane(.y, inputs[.yMask])]
        }

        private func plane(_ role: Role, _ mask: TensorValue?) throws -> TensorValue {
            let shape = try input(role).shape
            let positions = shape[2] * shape[3]
            let inside = mask?.bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) } ?? []
            let values = (0..<shape[1] * positions).map { element -> Float in
                guard inside[element % positions] == 1, element % 7 == 0 else { return 0 }
                return spoil ? 0.25 : 1
            }
            return TensorValue(element: .float32, shape: shape, values: values)
        }
    }

    private func stand(spoil: Bool) throws -> TilePipeline {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../..").standardized
        let folder = root.appendingPathComponent("conformance/model/bundle")
        guard FileManager.default.fileExists(atPath: folder.path) else {
            throw XCTSkip("the repository with conformance/ is not here")
        }
        let bundle = try PicoBundle(folder)
        let part = Stand(bundle: bundle, model: try EntropyModel(bundle.entropyBin), spoil: spoil)
        return try TilePipeline(bundle: bundle, analysis: part, synthesis: part)
    }

    func testEverySymbolComesBackAndEveryPhaseIsTimed() async throws {
        let pipeline = try stand(spoil: false)
        let image = syntheticImage(width: 300, height: 220)
        let encoding = PhaseRecorder()
        let encoded = try await pipeline.encode(image, level: 20, recorder: encoding)
        let decoding = PhaseRecorder()
        let decoded = try await pipeline.decode(encoded.stream, recorder: decoding)
        XCTAssertEqual(decoded.symbols, encoded.symbols)
        XCTAssertEqual(decoded.image.bytes, Data(repeating: 128, count: 3 * 300 * 220))
        XCTAssertEqual(encoding.samples(.analysis).count, encoded.symbols.count)
        XCTAssertEqual(decoding.samples(.synthesis).count, encoded.symbols.count)
        XCTAssertFalse(encoding.samples(.entropy).isEmpty)
        XCTAssertFalse(decoding.samples(.pixelsOut).isEmpty)
    }

    func testFractionsFromAnalysisAreRefusedAndNotRepaired() async throws {
        let pipeline = try stand(spoil: true)
        do {
            _ = try await pipeline.encode(syntheticImage(width: 100, height: 100), level: 20)
            XCTFail("fractions were coded")
        } catch {
            XCTAssertEqual((error as? PicoError)?.code, "verification")
        }
    }

    func testABundleWithATouchedFileIsRefused() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../..").standardized
        let folder = root.appendingPathComponent("conformance/model/bundle")
        guard FileManager.default.fileExists(atPath: folder.path) else {
            throw XCTSkip("the repository with conformance/ is not here")
        }
        let copy = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.copyItem(at: folder, to: copy)
        defer { try? FileManager.default.removeItem(at: copy) }
        let entropy = copy.appendingPathComponent(PicoBundle.entropyName)
        var bytes = try Data(contentsOf: entropy)
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: entropy)
        XCTAssertThrowsError(try PicoBundle(copy)) { error in
            XCTAssertEqual((error as? PicoError)?.code, "bundle")
        }
    }
}
