"""Is it the device it says it is? The only place that may write the provenance ``device``.

Three independent kinds of evidence must agree, and nothing may speak against them: the build
properties, the SoC, and the CPU as the program that ran there saw it itself. How the device was
reached plays no part: an emulator behind adb stays an emulator. What cannot be identified is not a
device, however likely it looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pico_deploy.measure.result import Provenance
from targets.transport import DeviceInfo


@dataclass(frozen=True)
class Seen:
    """What the program or app that measured saw of the machine it ran on.

    ``machine``: ``uname -m``, or ``hw.machine`` on Apple's systems. ``arm_midr``: the CPU's main
    identification register. ``simulator``: whether the app was built for a simulator.
    """

    machine: str | None = None
    arm_midr: int | None = None
    simulator: bool | None = None


@dataclass(frozen=True)
class Identity:
    """A provenance and its reasons: ``evidence`` for the device, ``markers`` against it,
    ``missing`` what would have been needed.
    """

    provenance: Provenance
    evidence: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def identify(info: DeviceInfo, seen: Seen) -> Identity:
    """Weigh what a device says of itself against what was seen on it."""
    if info.platform == "host":
        return Identity(Provenance.HOST)
    if info.platform == "emulated":
        return Identity(Provenance.EMULATED, markers=tuple(sorted(info.properties.values())))
    if info.platform == "browser":
        # A page tells nothing that could not be made up: what it reports is somebody's claim.
        return Identity(Provenance.CLAIMED, missing=("a browser does not identify its device",))
    android = info.platform == "android"
    found = list(_android(info, seen) if android else _apple(info, seen))
    evidence = tuple(text for kind, text in found if kind == "for")
    markers = tuple(text for kind, text in found if kind == "against")
    missing = tuple(text for kind, text in found if kind == "missing")
    is_device = not markers and not missing
    provenance = Provenance.DEVICE if is_device else Provenance.EMULATED
    return Identity(provenance, evidence, markers, missing)


_Found = Iterator[tuple[str, str]]

# ---- Android ----

_QEMU_PROPERTIES = ("ro.kernel.qemu", "ro.boot.qemu")
# Android Emulator, Cuttlefish, Genymotion, Waydroid, BlueStacks and their kin, as parts of names.
_VIRTUAL = re.compile(
    r"goldfish|ranchu|emulator|sdk_gphone|google_sdk|built for x86|generic_(x86|arm64)|vsoc|cutf"
    r"|\bcf_|vbox|genymotion|waydroid|bluestacks|\bnox\b|qemu|redroid|android_x86",
    re.IGNORECASE,
)
_NAMES = (
    "ro.hardware",
    "ro.boot.hardware",
    "ro.board.platform",
    "ro.build.characteristics",
    "ro.build.fingerprint",
    "ro.product.board",
    "ro.product.device",
    "ro.product.model",
    "ro.product.name",
    "ro.soc.model",
)
_SOC_MAKERS = ("qti", "qualcomm", "google", "samsung", "mediatek", "unisoc", "hisilicon")
_IMPLEMENTERS = {0x41: "Arm", 0x48: "HiSilicon", 0x51: "Qualcomm", 0x53: "Samsung"}
_SERVER_CORES = {(0x41, part) for part in (0xD0C, 0xD40, 0xD49, 0xD4A, 0xD4F, 0xD84)}  # Neoverse
_CPU_FIELD = re.compile(r"^CPU (implementer|part)\s*:\s*(0x[0-9a-fA-F]+)", re.MULTILINE)


def _android(info: DeviceInfo, seen: Seen) -> _Found:
    yield from _build(info.properties)
    yield from _soc(info.properties)
    yield from _cpu(info.cpuinfo, seen)


def _build(properties: Mapping[str, str]) -> _Found:
    for name in _QEMU_PROPERTIES:
        if properties.get(name, "") not in ("", "0"):
            yield "against", f"{name}={properties[name]}"
    for name in _NAMES:
        if _VIRTUAL.search(properties.get(name, "")):
            yield "against", f"{name}={properties[name]}"
    fingerprint, brand = (
        properties.get("ro.build.fingerprint", ""),
        properties.get("ro.product.brand"),
    )
    if not fingerprint:
        yield "missing", "ro.build.fingerprint"
    elif brand is None or not fingerprint.startswith(f"{brand}/"):
        yield "against", f"ro.build.fingerprint={fingerprint} is not of the brand {brand}"
    else:
        yield "for", f"ro.build.fingerprint={fingerprint}"
    for name in ("ro.product.manufacturer", "ro.product.model"):
        if properties.get(name):
            yield "for", f"{name}={properties[name]}"
        else:
            yield "missing", name


def _soc(properties: Mapping[str, str]) -> _Found:
    maker, model = properties.get("ro.soc.manufacturer", ""), properties.get("ro.soc.model", "")
    if maker.lower() in _SOC_MAKERS and model:
        yield "for", f"ro.soc.manufacturer={maker}, ro.soc.model={model}"
    else:
        yield "missing", "a known ro.soc.manufacturer with its ro.soc.model (Android 12 and later)"


def _cpu(cpuinfo: str, seen: Seen) -> _Found:
    """Implementer and part must be of a phone, and the same in /proc/cpuinfo and to the program."""
    if seen.machine is not None and seen.machine not in ("aarch64", "armv8l"):
        yield "against", f"the program ran on {seen.machine}"
    fields = [int(value, 16) for _, value in _CPU_FIELD.findall(cpuinfo)]
    cores = set(zip(fields[::2], fields[1::2], strict=False))
    if not cores:
        kind = "against" if "vendor_id" in cpuinfo else "missing"
        yield kind, "/proc/cpuinfo names no Arm core"
        return
    for core in sorted(cores):
        if core in _SERVER_CORES or core[0] not in _IMPLEMENTERS:
            yield "against", f"CPU implementer {core[0]:#x}, part {core[1]:#x} is in no phone"
    if seen.arm_midr is None:
        yield "missing", "the CPU's identification register, read by the program"
        return
    own = (seen.arm_midr >> 24 & 0xFF, seen.arm_midr >> 4 & 0xFFF)
    text = f"CPU implementer {own[0]:#x}, part {own[1]:#x}"
    if own in cores:
        yield "for", f"{text}, in /proc/cpuinfo and as the program saw it"
    else:
        yield "against", f"the program saw {text}, /proc/cpuinfo does not"


# ---- Apple ----

_PRODUCT_TYPE = re.compile(r"(iPhone|iPad)\d+,\d+")


def _apple(info: DeviceInfo, seen: Seen) -> _Found:
    reality = info.properties.get("reality")
    product = info.properties.get("productType", "")
    if reality is not None and reality != "physical":
        yield "against", f"reality={reality}"
    elif reality is None:
        yield "missing", "reality, as the developer tools report it"
    else:
        yield "for", "reality=physical"
    if _PRODUCT_TYPE.fullmatch(product):
        yield "for", f"productType={product}"
    else:
        yield "missing", f"a product type of Apple's (found {product!r})"
    if seen.simulator:
        yield "against", "the app was built for the simulator"
    if seen.machine is None:
        yield "missing", "hw.machine, read by the app"
    elif seen.machine == product:
        yield "for", f"hw.machine={seen.machine}, as the app saw it"
    else:
        yield "against", f"the app ran on {seen.machine}, the tools name {product!r}"
