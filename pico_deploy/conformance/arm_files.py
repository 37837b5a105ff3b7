"""A small AArch64 system with Python, ONNX Runtime and LiteRT, to be run by qemu: made once from
Debian's packages and PyPI's wheels, without root, and kept in the user's cache.

``python -m pico_deploy.conformance.arm_files`` makes it (about 250 MB, half a minute).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pico_deploy.errors import MissingDependencyError, PicoError, last_line, run_script

Cpu = Literal["cortex-a53", "cortex-a76"]
VERSIONS = {"onnxruntime": "1.31.1", "numpy": "2.4.6", "ai_edge_litert": "2.3.0"}
_WHEELS = tuple(f"{name.replace('_', '-')}=={version}" for name, version in VERSIONS.items())
_PACKAGES = ("python3.11-minimal", "libpython3.11-stdlib", "libstdc++6", "libgomp1")
_QEMU = "qemu-aarch64-static"
_TOOLS = ("apt-get", "dpkg-deb", _QEMU)
_PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")

# Libraries look at /proc/cpuinfo to choose their kernels, and crash when it is x86's; it must
# promise no more than the emulated CPU has.
_FEATURES = "fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid"
_CPUINFO: dict[Cpu, tuple[str, str]] = {
    "cortex-a53": ("0xd03", _FEATURES),
    "cortex-a76": (
        "0xd0b",
        f"{_FEATURES} atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp",
    ),
}


class ArmFilesError(PicoError):
    """The AArch64 system cannot be made."""

    code = "arm-files"
    exit_code = 10


def python(cpu: Cpu) -> list[str]:
    """The command that runs the AArch64 Python; raises ``ImportError`` where it is not made."""
    if shutil.which(_QEMU) is None:
        raise ImportError(f"{_QEMU} is not installed")
    folder = _folder()
    if not folder.is_dir():
        raise ImportError(
            "the AArch64 system is not made yet: run `python -m pico_deploy.conformance.arm_files`"
        )
    root = folder / cpu
    return [
        *("env", f"PYTHONPATH={folder / 'site'}", "PYTHONDONTWRITEBYTECODE=1"),
        *(_QEMU, "-cpu", cpu, "-L", str(root), str(root / "usr/bin/python3.11")),
    ]


def make() -> Path:
    """Make the system unless it is there; returns its folder.

    Raises ``MissingDependencyError`` without apt or qemu, ``ArmFilesError`` when a step fails.
    """
    folder = _folder()
    if folder.is_dir():
        return folder
    for tool in _TOOLS:
        if shutil.which(tool) is None:
            raise MissingDependencyError(f"{tool} is not installed; this needs Debian with qemu")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        work = Path(temporary)
        unpack(work, work / "cortex-a53", _PACKAGES)
        # Systems of other CPUs share all files by hard links; only cpuinfo differs.
        _run("cp", "-al", str(work / "cortex-a53"), str(work / "cortex-a76"))
        for cpu in _CPUINFO:
            (work / cpu / "proc").mkdir(exist_ok=True)
            (work / cpu / "proc/cpuinfo").write_text(_cpuinfo(cpu))
        _wheels(work / "site")
        work.chmod(0o755)
        work.rename(folder)
        work.mkdir()  # for the context manager to remove
    return folder


def cached(name: str, identity: str) -> Path:
    """A folder in the user's cache for what is made of ``identity``."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "pico-deploy" / f"{name}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def _folder() -> Path:
    return cached("arm64", " ".join((*_PACKAGES, *_WHEELS, *_CPUINFO)))


def unpack(work: Path, root: Path, packages: Sequence[str]) -> None:
    """Unpack arm64 ``packages`` of Debian and what they need into ``root``, a new folder; ``work``
    is for apt's own files. Raises ``ArmFilesError``.
    """
    apt = work / "apt"
    for part in ("lists/partial", "cache/archives/partial"):
        (apt / part).mkdir(parents=True)
    (apt / "status").touch()
    settings = {
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "APT::Install-Recommends": "0",
        "Dir::State::lists": str(apt / "lists"),
        "Dir::State::status": str(apt / "status"),
        "Dir::Cache": str(apt / "cache"),
        # Fetching as another user fails in a folder that only we may enter.
        "APT::Sandbox::User": "root",
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    _run("apt-get", *options, "update", "-qq")
    _run("apt-get", *options, "install", "-y", "-qq", "--download-only", *packages)
    root.mkdir()
    for package in sorted((apt / "cache/archives").glob("*.deb")):
        _run("dpkg-deb", "-x", str(package), str(root))
    shutil.rmtree(apt)


def _wheels(site: Path) -> None:
    platforms = [word for p in _PLATFORMS for word in ("--platform", f"{p}_aarch64")]
    _run(
        *(sys.executable, "-m", "pip", "install", "-q", "--target", str(site)),
        *("--only-binary=:all:", "--python-version", "311", "--implementation", "cp"),
        *("--abi", "cp311", "--abi", "abi3", "--abi", "none", *platforms, *_WHEELS),
    )


def _cpuinfo(cpu: Cpu) -> str:
    part, features = _CPUINFO[cpu]
    one = (
        "processor\t: {}\nBogoMIPS\t: 48.00\n"
        f"Features\t: {features}\nCPU implementer\t: 0x41\nCPU architecture: 8\n"
        f"CPU variant\t: 0x0\nCPU part\t: {part}\nCPU revision\t: 4\n\n"
    )
    return "".join(one.format(number) for number in range(2))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ArmFilesError(f"{command[0]} failed: {last_line(done.stderr or done.stdout)}")


if __name__ == "__main__":
    run_script(lambda: sys.stdout.write(f"{make()}\n"))
