// swift-tools-version: 5.9
import PackageDescription

let package = Package(
    name: "PicoKit",
    platforms: [.iOS(.v17), .macOS(.v14)],
    products: [
        .library(name: "PicoKit", targets: ["PicoKit"])
    ],
    targets: [
        // The sources are the project's own core, through symbolic links: there is no second copy.
        .target(name: "PicoCore"),
        .target(name: "PicoKit", dependencies: ["PicoCore"]),
        .testTarget(name: "PicoKitTests", dependencies: ["PicoKit"]),
    ],
    cLanguageStandard: .c11
)
