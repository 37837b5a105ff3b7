#if canImport(CoreML)
import CoreML
import CoreVideo
import Foundation

/// A float16 array in an IOSurface, which the Neural Engine reads and writes without a copy.
/// Rows may be padded, so copies to and from dense tensors go row by row.
final class SurfaceArray {
    let array: MLMultiArray
    private let pixelBuffer: CVPixelBuffer
    private let shape: [Int]

    init(shape: [Int]) throws {
        let width = shape[shape.count - 1]
        let height = shape.dropLast().reduce(1, *)
        let attributes = [kCVPixelBufferIOSurfacePropertiesKey as String: [String: String]()]
        var made: CVPixelBuffer?
        let code = CVPixelBufferCreate(
            kCFAllocatorDefault, width, height, kCVPixelFormatType_OneComponent16Half,
            attributes as CFDictionary, &made)
        guard code == kCVReturnSuccess, let made else {
            throw PicoError.unavailable("no IOSurface of \(width)×\(height) float16 (code \(code))")
        }
        pixelBuffer = made
        array = MLMultiArray(pixelBuffer: made, shape: shape.map { NSNumber(value: $0) })
        self.shape = shape
    }

    func fill(_ dense: Data) throws {
        try rows(readOnly: false) { surface, offset, count in
            dense.withUnsafeBytes { bytes in
                surface.copyMemory(from: bytes.baseAddress!.advanced(by: offset), byteCount: count)
            }
        }
    }

    func dense() throws -> Data {
        var result = Data(count: shape.reduce(2, *))
        try result.withUnsafeMutableBytes { bytes in
            let base = bytes.baseAddress!
            try rows(readOnly: true) { surface, offset, count in
                base.advanced(by: offset).copyMemory(from: surface, byteCount: count)
            }
        }
        return result
    }

    /// Calls `body(row in the surface, offset in the dense tensor, bytes)` for every row, locked.
    private func rows(
        readOnly: Bool, _ body: (UnsafeMutableRawPointer, Int, Int) -> Void
    ) throws {
        let flags: CVPixelBufferLockFlags = readOnly ? .readOnly : []
        guard CVPixelBufferLockBaseAddress(pixelBuffer, flags) == kCVReturnSuccess,
            let base = CVPixelBufferGetBaseAddress(pixelBuffer)
        else {
            throw PicoError.unavailable("an IOSurface cannot be read")
        }
        defer { CVPixelBufferUnlockBaseAddress(pixelBuffer, flags) }
        let stride = CVPixelBufferGetBytesPerRow(pixelBuffer)
        let count = 2 * shape[shape.count - 1]
        for row in 0..<CVPixelBufferGetHeight(pixelBuffer) {
            body(base.advanced(by: row * stride), row * count, count)
        }
    }
}
#endif
