import PicoKit
import SwiftUI

@main
struct PicoHarnessApp: App {
    var body: some Scene {
        WindowGroup { HarnessView() }
    }
}

/// Runs a measurement when it is told to, or at once when launched with `PICO_RUN=1`, and leaves
/// `result.json` (or `error.json`) in Documents for a driver to fetch.
@MainActor
final class HarnessModel: ObservableObject {
    enum State {
        case idle
        case running
        case finished(MeasurementResult)
        case failed(String)
    }

    @Published private(set) var state = State.idle

    var isRunning: Bool {
        if case .running = state { return true }
        return false
    }

    var hasFailed: Bool {
        if case .failed = state { return true }
        return false
    }

    func run() async {
        guard !isRunning else { return }
        state = .running
        let results = URL.documentsDirectory
        do {
            let harness = try Harness(environment: ProcessInfo.processInfo.environment)
            let cache = URL.cachesDirectory.appendingPathComponent("compiled")
            let result = try await harness.run(bundleAt: installedBundle(), cache: cache)
            try result.json().write(to: results.appendingPathComponent("result.json"), options: .atomic)
            state = .finished(result)
        } catch {
            let message = error.localizedDescription
            let failure = Failure(code: (error as? PicoError)?.code ?? "unexpected", message: message)
            let json = try? JSONEncoder().encode(failure)
            try? json?.write(to: results.appendingPathComponent("error.json"), options: .atomic)
            state = .failed(message)
        }
    }
}

struct HarnessView: View {
    @StateObject private var model = HarnessModel()

    var body: some View {
        NavigationStack {
            List {
                switch model.state {
                case .idle:
                    Text("Encodes and decodes a 12-megapixel picture on this device.")
                case .running:
                    HStack {
                        ProgressView()
                        Text("Measuring. Keep the phone still and unplugged.")
                    }
                case .failed(let message):
                    Label(message, systemImage: "exclamationmark.triangle")
                case .finished(let result):
                    ResultRows(result: result)
                }
            }
            .navigationTitle("Pico")
            .toolbar {
                Button("Measure") { Task { await model.run() } }
                    .disabled(model.isRunning)
            }
        }
        .task {
            let environment = ProcessInfo.processInfo.environment
            guard environment["PICO_RUN"] == "1" else { return }
            await model.run()
            // A driver that started the app waits for its end.
            if environment["PICO_EXIT"] == "1" { exit(model.hasFailed ? 1 : 0) }
        }
    }
}

private struct ResultRows: View {
    let result: MeasurementResult

    var body: some View {
        ForEach(result.runs.indices, id: \.self) { index in
            let run = result.runs[index]
            Section(run.acceleratorObserved ?? "accelerator not known") {
                row("Encode, median", run.encode)
                row("Decode, median", run.decode)
                LabeledContent("Bytes", value: run.streamBytes.map { "\($0)" } ?? "–")
            }
        }
        Section {
            LabeledContent("Provenance", value: result.provenance.rawValue)
        } footer: {
            if result.provenance != .device { Text("This is not a device measurement.") }
        }
    }

    private func row(_ title: String, _ operation: CodecOperation?) -> some View {
        let sorted = (operation?.latencyNs ?? []).sorted()
        let text = sorted.isEmpty ? "–" : "\(sorted[sorted.count / 2] / 1_000_000) ms"
        return LabeledContent(title, value: text)
    }
}
