import Foundation

/// The steps of an encode or decode; names as in the result schema.
public enum Phase: String, CaseIterable, Sendable {
    case parse
    case pixelsIn = "pixels_in"
    case analysis
    case scaleIndices = "scale_indices"
    case entropy
    case synthesis
    case readBack = "read_back"
    case pixelsOut = "pixels_out"

    var isAccelerators: Bool { self == .analysis || self == .synthesis || self == .readBack }
}

/// Durations of every call in every phase of one encode or decode.
public final class PhaseRecorder: @unchecked Sendable {
    private let lock = NSLock()
    private var calls: [Phase: [UInt64]] = [:]

    public init() {}

    /// Runs `work` and keeps how long it took.
    func timed<T>(_ phase: Phase, _ work: () throws -> T) rethrows -> T {
        let start = monotonicNanoseconds()
        let result = try work()
        add(phase, monotonicNanoseconds() - start)
        return result
    }

    /// The same for work that suspends.
    func timedAsync<T>(_ phase: Phase, _ work: () async throws -> T) async rethrows -> T {
        let start = monotonicNanoseconds()
        let result = try await work()
        add(phase, monotonicNanoseconds() - start)
        return result
    }

    func add(_ phase: Phase, _ nanoseconds: UInt64) {
        lock.lock()
        defer { lock.unlock() }
        calls[phase, default: []].append(nanoseconds)
    }

    public func samples(_ phase: Phase) -> [UInt64] {
        lock.lock()
        defer { lock.unlock() }
        return calls[phase] ?? []
    }

    /// Share of the shorter side of the pipeline that ran while the longer one did; negative when
    /// waiting costs more than overlap gains, nil when one side did nothing.
    public func overlapEfficiency(latency: UInt64) -> Double? {
        var accelerator = 0.0
        var cpu = 0.0
        for phase in Phase.allCases {
            let busy = samples(phase).reduce(0.0) { $0 + Double($1) }
            if phase.isAccelerators { accelerator += busy } else { cpu += busy }
        }
        let shorter = min(accelerator, cpu)
        guard shorter > 0 else { return nil }
        return (accelerator + cpu - Double(latency)) / shorter
    }
}

/// A clock that never jumps, in nanoseconds.
public func monotonicNanoseconds() -> UInt64 {
    DispatchTime.now().uptimeNanoseconds
}
