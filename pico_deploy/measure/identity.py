"""Who measured, on what, which bundle: the identity part of a result. No host name, user or
path.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
from pathlib import Path

from pico_deploy import __version__, _core
from pico_deploy.bundle import Bundle
from pico_deploy.bundle.manifest import to_json
from pico_deploy.measure.result import BundleIdentity, Conditions, Device, Tool


def tool() -> Tool:
    """This program, and the kernels its core takes on this CPU."""
    best = next(name for name, runs_here in _core.kernels().items() if runs_here)
    return Tool(
        name="pico-deploy",
        version=__version__,
        core_bitstream_version=".".join(map(str, _core.BITSTREAM_VERSION)),
        core_kernels=os.environ.get("PICO_CPU") or best,
        python_version=platform.python_version(),
    )


def host() -> Device:
    """This machine. Provenance is always ``host``: nothing here identifies a phone."""
    return Device(
        model=_model(),
        architecture=platform.machine(),
        cpu=_cpu(),
        cpu_count=_usable_cpus(),
        memory_bytes=_memory_bytes(),
        os=platform.system(),
        os_version=platform.release(),
    )


def bundle(opened: Bundle) -> BundleIdentity:
    """The model that is measured."""
    manifest = opened.manifest
    return BundleIdentity(
        name=opened.path.name,
        codec=manifest.codec,
        model_version=manifest.model_version,
        manifest_sha256=hashlib.sha256(to_json(manifest)).hexdigest(),
        entropy_fingerprint=manifest.entropy_fingerprint,
        pixel_fingerprint=manifest.pixel_fingerprint,
        bundle_bytes=opened.size,
    )


def conditions() -> Conditions:
    """What this machine tells of its state; most of it exists only on phones and laptops."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    millidegrees = _numbers("/sys/class/thermal", "thermal_zone*/temp")
    return Conditions(
        temperature_celsius=max(millidegrees) / 1000 if millidegrees else None,
        battery_percent=next(iter(_numbers("/sys/class/power_supply", "*/capacity")), None),
        load_average_1min=load,
    )


def _numbers(folder: str, pattern: str) -> list[float]:
    found = []
    for path in sorted(Path(folder).glob(pattern)):
        with contextlib.suppress(OSError, ValueError):
            found.append(float(path.read_text()))
    return found


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0 \n")
    except OSError:
        return None


def _model() -> str:
    for path in ("/sys/devices/virtual/dmi/id/product_name", "/proc/device-tree/model"):
        text = _text(Path(path))
        if text:
            return text
    return f"{platform.system()} {platform.machine()}"


def _cpu() -> str | None:
    for line in (_text(Path("/proc/cpuinfo")) or "").splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Hardware", "Model"):
            return value.strip()
    return platform.processor() or None


def _usable_cpus() -> int | None:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
