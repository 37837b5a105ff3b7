"""The cells of the matrix: which compiler, which setting, and what runs the program."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pico_deploy import _core

HERE = Path(__file__).resolve().parent
SETTINGS = ("-O0", "-O2", "-O3 -ffast-math")
CLANGS = ("clang-19", "clang", "clang-18", "clang-17")
X86_64 = "x86_64-linux-gnu"

Link = Literal["static", "wasi", "apple", "windows"]


@dataclass(frozen=True)
class Platform:
    """A CPU and what stands for it here.

    ``kernels``: sets of the core to force; empty means all the program offers. ``runner``: the
    command in front of the program; None where the program runs by itself. ``needs``: programs and
    Python packages without which nothing runs, each with what installs it.
    """

    name: str
    target: str
    runner: tuple[str, ...] | None
    runs_on: str
    link: Link = "static"
    flags: tuple[str, ...] = ()
    kernels: tuple[str, ...] = ()
    needs: tuple[tuple[str, str], ...] = ()

    @property
    def emulated(self) -> bool:
        """Whether another machine's instructions are imitated; an engine of WebAssembly is none."""
        return self.runner is not None and self.link in ("static", "apple")


@dataclass(frozen=True)
class Cell:
    """One entry of the matrix. ``command`` is the compiler; None when there is none here."""

    platform: Platform
    compiler: str
    setting: str
    command: tuple[str, ...] | None

    @property
    def name(self) -> str:
        """For people and for ``--cell``."""
        return f"{self.platform.name} {self.compiler} {self.setting}"


def _qemu(name: str, target: str, cpu: str, kernels: tuple[str, ...] = ()) -> Platform:
    program = f"qemu-{cpu}-static"
    return Platform(
        name,
        target,
        (program,),
        program,
        kernels=kernels,
        needs=((program, "apt-get install qemu-user-static"),),
    )


def _x86(level: str, kernels: str) -> Platform:
    flags = ("-march=x86-64" if level == "v1" else f"-march=x86-64-{level}",)
    return Platform(f"x86-64-{level}", X86_64, None, "this CPU", flags=flags, kernels=(kernels,))


def _wasi(engine: str, runner: tuple[str, ...], need: tuple[str, str], simd: bool) -> Platform:
    flags = ("-msimd128",) if simd else ()
    kernels = ("wasm_simd", "scalar") if simd else ("scalar",)
    name = f"wasm-{engine}" + ("-simd" if simd else "")
    return Platform(
        name,
        "wasm32-wasi",
        runner,
        engine,
        link="wasi",
        flags=flags,
        kernels=kernels,
        needs=(need,),
    )


_WASMTIME = (sys.executable, "-m", "pico_deploy.conformance.matrix.wasmtime_runner")
_NODE = ("node", "--no-warnings", str(HERE / "wasi.mjs"))
_APPLE = (sys.executable, "-m", "pico_deploy.conformance.matrix.apple_runner")

PLATFORMS: tuple[Platform, ...] = (
    _x86("v1", "scalar"),
    _x86("v2", "sse41"),
    _x86("v3", "avx2"),
    _x86("v4", "avx512"),
    _qemu("arm64", "aarch64-linux-gnu", "aarch64", ("neon_dot", "neon", "scalar")),
    _qemu("armhf", "arm-linux-gnueabihf", "arm"),
    _qemu("riscv64", "riscv64-linux-gnu", "riscv64"),
    _qemu("s390x", "s390x-linux-gnu", "s390x"),
    _qemu("ppc64el", "powerpc64le-linux-gnu", "ppc64le"),
    _qemu("i386", "i686-linux-gnu", "i386"),
    _wasi("wasmtime", _WASMTIME, ("wasmtime", "pip install wasmtime"), simd=True),
    _wasi("node", _NODE, ("node", "apt-get install nodejs"), simd=True),
    _wasi("wasmtime", _WASMTIME, ("wasmtime", "pip install wasmtime"), simd=False),
    Platform(
        "apple-arm64",
        "aarch64-macos",
        _APPLE,
        "unicorn",
        link="apple",
        kernels=("neon_dot", "neon", "scalar"),
        needs=(("unicorn", "pip install unicorn"), ("lief", "pip install lief")),
    ),
    Platform(
        "windows-x86-64",
        "x86_64-windows-gnu",
        ("wine",),
        "wine",
        link="windows",
        needs=(("wine", "apt-get install wine"),),
    ),
)

CI_CELLS = (
    "x86-64-v1 gcc -O2",
    "arm64 gcc -O2",
    "s390x clang -O2",
    "i386 gcc -O2",
    "wasm-wasmtime-simd clang -O2",
)
"""What continuous integration runs: one compiler and setting for each kind of machine."""


def cells() -> tuple[Cell, ...]:
    """The whole matrix."""
    found = []
    for place in PLATFORMS:
        for compiler in _compilers(place):
            command = _command(place, compiler)
            # Unoptimised code calls memcpy, and Apple's C library is not here.
            settings = SETTINGS[1:] if place.link == "apple" else SETTINGS
            found += [Cell(place, compiler, setting, command) for setting in settings]
    return tuple(found)


def _compilers(place: Platform) -> tuple[str, ...]:
    """zig is clang with the headers and libraries of systems that are not here."""
    names = {"static": ("gcc", "clang"), "wasi": ("clang",)}
    return names.get(place.link, ("zig",))


def _command(place: Platform, compiler: str) -> tuple[str, ...] | None:
    if compiler == "gcc":
        names = (f"{place.target}-gcc", *(("gcc",) if place.target == X86_64 else ()))
        gcc = next((name for name in names if shutil.which(name)), None)
        return None if gcc is None else (gcc,)
    if compiler == "zig":
        if importlib.util.find_spec("ziglang") is None:
            return None
        return (sys.executable, "-m", "ziglang", "cc", "-target", place.target)
    clang = next((name for name in CLANGS if shutil.which(name)), None)
    return None if clang is None else (clang, f"--target={place.target}", "-fuse-ld=lld")


def missing(cell: Cell) -> str | None:
    """Why a cell cannot be run here; None when it can."""
    if cell.platform.runner is None:
        here = _core.kernels()
        if platform.machine() != "x86_64" or not all(here.get(k) for k in cell.platform.kernels):
            return f"this CPU does not run {cell.platform.name}"
    if cell.command is None:
        package = f"gcc-{cell.platform.target}".replace("_", "-")
        installs = {"gcc": f"apt-get install {package}", "zig": "pip install ziglang"}
        install = installs.get(cell.compiler, "apt-get install clang-19 lld-19")
        return f"no {cell.compiler} for {cell.platform.target}; {install}"
    for need, remedy in cell.platform.needs:
        is_package = need in ("wasmtime", "unicorn", "lief")
        there = importlib.util.find_spec(need) if is_package else shutil.which(need)
        if there is None:
            return f"{need} is not installed; {remedy}"
    return None
