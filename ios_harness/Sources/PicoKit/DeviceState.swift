import Foundation

#if canImport(UIKit) && !os(watchOS)
import UIKit
#endif

/// What this machine is, with the evidence for and against it being the device it says.
public func currentDevice() -> Device {
    let info = ProcessInfo.processInfo
    let version = info.operatingSystemVersion
    var device = Device(
        model: systemString("hw.machine") ?? "unknown",
        architecture: architecture,
        cpuCount: info.activeProcessorCount,
        memoryBytes: info.physicalMemory,
        os: operatingSystem,
        osVersion: "\(version.majorVersion).\(version.minorVersion).\(version.patchVersion)",
        osBuild: systemString("kern.osversion"))
    #if os(iOS) || os(macOS)
    device.manufacturer = "Apple"
    #endif
    #if os(macOS)
    device.model = systemString("hw.model") ?? device.model
    device.cpu = systemString("machdep.cpu.brand_string")
    #endif
    #if targetEnvironment(simulator)
    device.emulatorMarkers.append("compiled for the simulator")
    #endif
    if info.environment["SIMULATOR_UDID"] != nil {
        device.emulatorMarkers.append("SIMULATOR_UDID is set")
    }
    #if os(iOS)
    if info.isiOSAppOnMac { device.emulatorMarkers.append("an iOS app on a Mac") }
    // "iPhone18,2": what the kernel of a real device says; a simulator's says arm64 or x86_64.
    if device.model.hasPrefix("iPhone") || device.model.hasPrefix("iPad") {
        device.identifiedBy.append("hw.machine \(device.model)")
        if let build = device.osBuild { device.identifiedBy.append("kern.osversion \(build)") }
    }
    #endif
    return device
}

/// `device` only with evidence for it and none against it.
public func provenance(of device: Device) -> Provenance {
    if !device.emulatorMarkers.isEmpty { return .simulated }
    return device.identifiedBy.isEmpty ? .host : .device
}

/// Thermal state, battery and low-power mode now; nil where the platform does not tell.
@MainActor
public func currentConditions() -> Conditions {
    var conditions = Conditions()
    #if canImport(Darwin)
    let info = ProcessInfo.processInfo
    switch info.thermalState {
    case .nominal: conditions.thermalState = .nominal
    case .fair: conditions.thermalState = .fair
    case .serious: conditions.thermalState = .serious
    case .critical: conditions.thermalState = .critical
    @unknown default: break
    }
    conditions.lowPower = info.isLowPowerModeEnabled
    #endif
    #if canImport(UIKit) && os(iOS)
    UIDevice.current.isBatteryMonitoringEnabled = true
    let battery = UIDevice.current.batteryLevel
    if battery >= 0 { conditions.batteryPercent = 100 * Double(battery) }
    switch UIDevice.current.batteryState {
    case .charging, .full: conditions.charging = true
    case .unplugged: conditions.charging = false
    case .unknown: break
    @unknown default: break
    }
    #endif
    return conditions
}

private var operatingSystem: String {
    #if os(iOS)
    return "iOS"
    #elseif os(macOS)
    return "macOS"
    #elseif os(Linux)
    return "Linux"
    #else
    return "unknown"
    #endif
}

private var architecture: String {
    #if arch(arm64)
    return "arm64"
    #elseif arch(x86_64)
    return "x86_64"
    #else
    return "unknown"
    #endif
}

/// A string that the kernel knows by name; nil where it does not.
private func systemString(_ name: String) -> String? {
    #if canImport(Darwin)
    var size = 0
    guard sysctlbyname(name, nil, &size, nil, 0) == 0, size > 1 else { return nil }
    var characters = [CChar](repeating: 0, count: size)
    guard sysctlbyname(name, &characters, &size, nil, 0) == 0 else { return nil }
    return String(cString: characters)
    #else
    return nil
    #endif
}
