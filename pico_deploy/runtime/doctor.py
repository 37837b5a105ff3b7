"""What can and cannot be checked on this machine, and what each thing that is here or missing
unlocks.

Looks packages up without importing them, so that a broken one cannot break the doctor.
"""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from PIL import features

from pico_deploy import _core

Status = Literal["yes", "no", "limited"]


@dataclass(frozen=True)
class Check:
    """One thing looked for: what was found, what it is good for, what to do when it is missing."""

    group: str
    name: str
    status: Status
    found: str
    unlocks: str
    remedy: str = ""


# Distribution, what it unlocks, how to get it.
_PACKAGES = (
    ("onnxruntime", "encode, decode, verify and bench with ONNX", "pip install onnxruntime"),
    ("ai-edge-litert", "the same with TFLite", "pip install pico-deploy[litert]"),
    ("tensorflow", "TFLite, where ai-edge-litert is missing", ""),
    ("tflite-runtime", "TFLite on old systems; needs numpy < 2", ""),
    ("torch", "the PyTorch runtime, training, conversion", "pip install pico-deploy[torch]"),
    ("onnx", "conversion to ONNX", "pip install pico-deploy[onnx]"),
    ("coremltools", "conversion to Core ML", "pip install pico-deploy[coreml]"),
    ("litert-torch", "conversion to TFLite", "pip install pico-deploy[tflite]"),
    ("ai-edge-quantizer", "int8 TFLite artefacts", "pip install pico-deploy[tflite]"),
    ("adbutils", "bench on Android phones", "pip install pico-deploy[devices]"),
    ("ziglang", "pico_bench for other CPUs", "pip install pico-deploy[devices]"),
    ("pi-heif", "HEIC photos", "pip install pico-deploy[heic]"),
    (
        "starlette",
        "bench --target web, serve, onnxruntime-web in verify --side-by-side",
        "pip install pico-deploy[web]",
    ),
    ("openvino", "OpenVINO in verify --side-by-side", "pip install pico-deploy[conformance]"),
    ("matplotlib", "plots of train and evaluate", "pip install pico-deploy[train]"),
    ("pytorch-msssim", "MS-SSIM in evaluate and train", "pip install pico-deploy[evaluate]"),
    ("ssimulacra2", "SSIMULACRA 2 in evaluate", "pip install pico-deploy[evaluate]"),
    ("stlpips-pytorch", "LPIPS in evaluate and train", "pip install pico-deploy[evaluate]"),
    (
        "rapidocr-onnxruntime",
        "the text mask of evaluate and train",
        "pip install pico-deploy[evaluate]",
    ),
    ("pillow-heif", "HEIC in evaluate", "pip install pico-deploy[evaluate]"),
    ("pillow-jxl-plugin", "JPEG XL in evaluate", "pip install pico-deploy[evaluate]"),
    ("imageio-ffmpeg", "VVC in evaluate", "pip install pico-deploy[evaluate]"),
)
# Name, programs of which one is enough, what it unlocks, how to get it.
_PROGRAMS = (
    ("C compiler", ("cc", "gcc", "clang"), "building the core", "apt-get install gcc g++"),
    (
        "qemu",
        ("qemu-aarch64-static", "qemu-aarch64"),
        "bench --target emulated; its results are marked emulated",
        "apt-get install qemu-user-static",
    ),
    ("adb", ("adb",), "Android phones on USB", "apt-get install adb"),
    (
        "chromium",
        ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge"),
        "bench --target web; onnxruntime-web in verify --side-by-side",
        "apt-get install chromium",
    ),
    ("node", ("node",), "building the web harness; go-ios", "apt-get install nodejs npm"),
    (
        "JDK",
        ("javac",),
        "the conformance APK (make apk); Kotlin and JNI of the Android harness",
        "apt-get install openjdk-17-jdk-headless",
    ),
    *(
        (tool, (tool,), "the conformance APK (make apk)", f"apt-get install {package}")
        for tool, package in (
            ("aapt", "aapt android-framework-res"),
            ("smali", "libsmali-java"),
            ("zipalign", "zipalign"),
            ("apksigner", "apksigner"),
        )
    ),
    ("xcrun", ("xcrun",), "iPhones and Core ML on a Mac", "Xcode, on macOS only"),
    ("go-ios", ("ios",), "iPhones without a Mac", "npm install -g go-ios"),
)


def _package(name: str, unlocks: str, remedy: str) -> Check:
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Check("Python package", name, "no", "not installed", unlocks, remedy)
    if name == "tflite-runtime" and int(metadata.version("numpy").partition(".")[0]) >= 2:
        found = f"{version}, unusable: numpy {metadata.version('numpy')} is 2 or newer"
        return Check("Python package", name, "limited", found, unlocks, "pip install 'numpy<2'")
    return Check("Python package", name, "yes", version, unlocks)


def _program(name: str, programs: tuple[str, ...], unlocks: str, remedy: str) -> Check:
    for program in programs:
        path = shutil.which(program)
        if path is not None:
            return Check("program", name, "yes", path, unlocks)
    return Check("program", name, "no", "not on the PATH", unlocks, remedy)


def _photo_formats() -> list[Check]:
    named: tuple[tuple[str, str], ...] = (
        ("jpg", "JPEG photos"),
        ("webp", "WebP photos"),
        ("avif", "AVIF photos"),
        ("libtiff", "compressed TIFF photos"),
        ("littlecms2", "colour conversion of grey and CMYK photos"),
    )
    checks = []
    for feature, unlocks in named:
        version = features.version(feature) if features.check(feature) else None
        status: Status = "no" if version is None else "yes"
        remedy = "" if version else "install a Pillow wheel from PyPI"
        checks.append(Check("Pillow", feature, status, version or "missing", unlocks, remedy))
    return checks


def _kernels() -> list[Check]:
    default = next(name for name, runs in _core.kernels().items() if runs)
    checks = []
    for name, runs in _core.kernels().items():
        found = "used by default" if name == default else "runs here" if runs else "not on this CPU"
        unlocks = "exact decoding; force it with PICO_CPU=" + name
        checks.append(Check("core kernels", name, "yes" if runs else "no", found, unlocks))
    return checks


def _limits() -> list[Check]:
    on_mac = sys.platform == "darwin"
    return [
        Check(
            "limit",
            "Core ML execution",
            "yes" if on_mac else "no",
            "macOS" if on_mac else f"{platform.system()} cannot run Core ML",
            "pixels and speed of the .mlpackage artefacts",
            "" if on_mac else "here they are checked by an interpreter of their program",
        ),
        Check(
            "limit",
            "phone latency",
            "no",
            "this machine is no phone",
            "verdicts against budgets of phones",
            "connect one; host figures are never judged as a phone's",
        ),
    ]


def examine() -> list[Check]:
    """Look for everything."""
    looks: tuple[Callable[[], list[Check]], ...] = (
        lambda: [
            Check("system", "Python", "yes", platform.python_version(), "running this"),
            Check(
                "system",
                "machine",
                "yes",
                f"{platform.system()} {platform.machine()}",
                "host figures",
            ),
        ],
        _kernels,
        lambda: [_package(*row) for row in _PACKAGES],
        _photo_formats,
        lambda: [_program(*row) for row in _PROGRAMS],
        _limits,
    )
    return [check for look in looks for check in look()]
