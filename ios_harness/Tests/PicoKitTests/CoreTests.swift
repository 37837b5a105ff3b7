import Foundation
import XCTest

@testable import PicoKit

/// The part of the harness that needs no Core ML, on any platform that has Swift. Fixtures are the
/// project's conformance vectors and model, found through `PICO_REPOSITORY`.
final class CoreTests: XCTestCase {
    private var repository: URL {
        get throws {
            let environment = ProcessInfo.processInfo.environment["PICO_REPOSITORY"]
            let here = URL(fileURLWithPath: #filePath)
            let root = environment.map { URL(fileURLWithPath: $0) }
                ?? here.deletingLastPathComponent().appendingPathComponent("../../..").standardized
            guard FileManager.default.fileExists(atPath: root.appendingPathComponent("conformance").path)
            else { throw XCTSkip("the repository with conformance/ is not here") }
            return root
        }
    }

    private func model() throws -> EntropyModel {
        let file = try repository.appendingPathComponent("conformance/model/bundle/entropy.bin")
        return try EntropyModel(Data(contentsOf: file))
    }

    func testSymbolsComeBackFromAStreamThatIsCodedHere() throws {
        let model = try model()
        let writer = try StreamWriter(model: model, width: 300, height: 200, level: 30)
        var emitted: [TileSymbols] = []
        for group in 0..<writer.groups {
            let members = writer.tiles(of: group).map { tile in sparse(tile, writer.grid, model) }
            try writer.encode(group: group, symbols: members)
            emitted += members
        }
        let stream = try writer.finish(pixelFingerprint: "0123456789abcdef")
        let reader = try StreamReader(stream, model: model)
        XCTAssertEqual(reader.pixelFingerprint, "0123456789abcdef")
        XCTAssertEqual(try (0..<reader.groups).flatMap { try reader.decode(group: $0) }, emitted)
    }

    func testADamagedStreamIsAnErrorThatNamesItsStatus() throws {
        let model = try model()
        let writer = try StreamWriter(model: model, width: 100, height: 100, level: 0)
        for group in 0..<writer.groups {
            try writer.encode(
                group: group,
                symbols: writer.tiles(of: group).map { sparse($0, writer.grid, model) })
        }
        var stream = try writer.finish(pixelFingerprint: "0123456789abcdef")
        stream[stream.count - 5] ^= 1
        let reader = try StreamReader(stream, model: model)
        XCTAssertThrowsError(try reader.decode(group: reader.groups - 1)) { error in
            XCTAssertEqual((error as? PicoError)?.code, "stream-damaged")
        }
    }

    func testHalfPrecisionIsExactForEverySymbolAndRoundsToNearestEven() {
        for symbol in -128...127 {
            XCTAssertEqual(halfValue(halfBits(Float(symbol))), Float(symbol))
        }
        XCTAssertEqual(halfBits(1 + 0x1p-11), 0x3C00)
        XCTAssertEqual(halfBits(1 + 3 * 0x1p-11), 0x3C02)
        XCTAssertEqual(halfBits(65_520), 0x7C00)
        XCTAssertEqual(halfBits(65_519), 0x7BFF)
        XCTAssertEqual(halfBits(0x1p-25), 0)
        XCTAssertEqual(halfBits(-0x1p-24), 0x8001)
    }

    func testAFractionIsNoSymbol() throws {
        let tensor = TensorValue(element: .float32, shape: [1, 1, 1, 2], values: [1, 0.5])
        XCTAssertThrowsError(try symbols(of: tensor, named: "y")) { error in
            XCTAssertEqual((error as? PicoError)?.code, "verification")
        }
    }

    func testOverlapIsOneWhenTheShorterSideIsWhollyHidden() {
        let recorder = PhaseRecorder()
        recorder.add(.synthesis, 100)
        XCTAssertNil(recorder.overlapEfficiency(latency: 100))
        recorder.add(.entropy, 40)
        XCTAssertEqual(recorder.overlapEfficiency(latency: 100), 1)
        XCTAssertEqual(recorder.overlapEfficiency(latency: 140), 0)
    }

    func testAResultHasTheSchemasNames() throws {
        let json = try JSONSerialization.jsonObject(with: JSONEncoder().encode(currentDevice()))
        let names = try XCTUnwrap(json as? [String: Any]).keys
        XCTAssertTrue(names.contains("os_version"))
        XCTAssertTrue(names.contains("identified_by"))
    }

    /// A few symbols in every tile, none of them where the tile is void.
    private func sparse(_ tile: Int, _ grid: TileGrid, _ model: EntropyModel) -> TileSymbols {
        func plane(_ shape: [Int], _ mask: [Float]) -> [Int8] {
            let positions = shape[1] * shape[2]
            return (0..<shape[0] * positions).map { element in
                guard mask[element % positions] == 1, element % 11 == tile % 11 else { return 0 }
                return element % 2 == 0 ? 2 : -1
            }
        }
        return TileSymbols(
            z: plane(model.zShape, grid.zMask(tile, side: model.zShape[1])),
            y: plane(model.yShape, grid.yMask(tile, side: model.yShape[1])))
    }
}
