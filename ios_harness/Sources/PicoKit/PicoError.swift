import Foundation
import PicoCore

/// What went wrong, in one line that says what was found and what to try.
public enum PicoError: Error, Equatable, Sendable {
    /// The core refused: the stable name of its status, and a sentence.
    case core(status: String, message: String)
    /// The bundle is incomplete, altered or made for something else.
    case bundle(String)
    /// A runtime gave something that is no symbol, or not the symbols that were sent.
    case symbols(String)
    /// A thing that this device or system does not have.
    case unavailable(String)
    /// The caller asked for something that cannot be.
    case usage(String)

    /// Stable code, as the project's other tools print it.
    public var code: String {
        switch self {
        case .core(let status, _): return status
        case .bundle: return "bundle"
        case .symbols: return "verification"
        case .unavailable: return "unavailable"
        case .usage: return "usage"
        }
    }
}

extension PicoError: LocalizedError {
    public var errorDescription: String? {
        switch self {
        case .core(_, let message), .bundle(let message), .symbols(let message),
            .unavailable(let message), .usage(let message):
            return message
        }
    }
}

/// Throws unless `status` is `PICO_OK`. `doing` names what was attempted.
func check(_ status: pico_status, _ fault: pico_fault, doing: String) throws {
    guard status != PICO_OK else { return }
    let number = Int32(status.rawValue)
    let name = pico_status_name(number).map { String(cString: $0) } ?? "status-\(number)"
    let text = pico_status_text(number).map { String(cString: $0) } ?? "unknown status"
    var message = "\(doing): \(text)"
    if let what = fault.what {
        message += " (\(String(cString: what)) \(fault.index): \(fault.found)"
        message += fault.expected == 0 ? ")" : ", expected \(fault.expected))"
    }
    throw PicoError.core(status: name, message: message)
}
