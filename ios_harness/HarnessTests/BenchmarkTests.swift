import PicoKit
import XCTest

/// The measurement as a test, for `xcodebuild test-without-building` and device farms. It passes when
/// the figures were taken and the symbols came back; whether they are fast enough is for the driver,
/// which knows the budget.
final class BenchmarkTests: XCTestCase {
    func testTwelveMegapixels() async throws {
        let harness = try Harness(environment: ProcessInfo.processInfo.environment)
        let cache = URL.cachesDirectory.appendingPathComponent("compiled")
        let result = try await harness.run(bundleAt: installedBundle(), cache: cache)
        let json = try result.json()
        let attachment = XCTAttachment(data: json, uniformTypeIdentifier: "public.json")
        attachment.name = "pico-result.json"
        attachment.lifetime = .keepAlways
        add(attachment)
        try json.write(to: URL.documentsDirectory.appendingPathComponent("result.json"))
        for run in result.runs {
            XCTAssertNil(run.failure)
            XCTAssertEqual(run.hashes.emittedSymbolsSHA256, run.hashes.decodedSymbolsSHA256)
        }
    }
}
