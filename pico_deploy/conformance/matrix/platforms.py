"""The cells of the matrix: which compiler, which setting, and what runs the program."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pico_deploy import _core
from pico_deploy.conformance.matrix.needs import Need, cross_gcc

HERE = Path(__file__).resolve().parent
SETTINGS = ("-O0", "-O2", "-O3 -ffast-math")
_CLANGS = ("clang-19", "clang", "clang-18", "clang-17")
X86_64 = "x86_64-linux-gnu"

Link = Literal["static", "wasi", "apple", "windows"]


@dataclass(frozen=True)
class Platform:
    """A CPU and what stands for it here.

    ``kernels``: sets of the core to force; empty means all the program offers. ``runner``: the
    command in front of the program; None where the program runs by itself. ``needs``: without
    them nothing runs; ``builds_with``: without them no compiler links a program for it.
    """

    name: str
    target: str
    runner: tuple[str, ...] | None
    runs_on: str
    link: Link = "static"
    flags: tuple[str, ...] = ()
    kernels: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    builds_with: tuple[Need, ...] = ()

    @property
    def emulated(self) -> bool:
        """Whether another machine's instructions are imitated; an engine of WebAssembly is none."""
        return self.runner is not None and self.link in ("static", "apple")


@dataclass(frozen=True)
class Cell:
    """One entry of the matrix. ``need`` is the compiler, ``command`` how it is called; None when
    there is none here.
    """

    platform: Platform
    compiler: str
    setting: str
    need: Need
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
        needs=(Need(program, "apt-get install qemu-user-static"),),
    )


def _x86(level: str, kernels: str) -> Platform:
    flags = ("-march=x86-64" if level == "v1" else f"-march=x86-64-{level}",)
    return Platform(f"x86-64-{level}", X86_64, None, "this CPU", flags=flags, kernels=(kernels,))


def _wasi(engine: str, runner: tuple[str, ...], need: Need, simd: bool) -> Platform:
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
        builds_with=(_WASI_LIBC,),
    )


_WASI_LIBC = Need(
    "wasi-libc",
    "apt-get install wasi-libc libclang-rt-19-dev-wasm32",
    "folder",
    ("/usr/include/wasm32-wasi",),
)
_WASMTIME_PACKAGE = Need("wasmtime", "pip install wasmtime", "package")
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
    _wasi("wasmtime", _WASMTIME, _WASMTIME_PACKAGE, simd=True),
    _wasi("node", _NODE, Need("node", "apt-get install nodejs"), simd=True),
    _wasi("wasmtime", _WASMTIME, _WASMTIME_PACKAGE, simd=False),
    Platform(
        "apple-arm64",
        "aarch64-macos",
        _APPLE,
        "unicorn",
        link="apple",
        kernels=("neon_dot", "neon", "scalar"),
        needs=(
            Need("unicorn", "pip install unicorn", "package"),
            Need("lief", "pip install lief", "package"),
        ),
    ),
    Platform(
        "windows-x86-64",
        "x86_64-windows-gnu",
        ("wine",),
        "wine",
        link="windows",
        needs=(Need("wine", "apt-get install wine"),),
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
            need = _compiler(place, compiler)
            command = _command(place, compiler, need.found())
            # Unoptimised code calls memcpy, and Apple's C library is not here.
            settings = SETTINGS[1:] if place.link == "apple" else SETTINGS
            found += [Cell(place, compiler, setting, need, command) for setting in settings]
    return tuple(found)


def _compilers(place: Platform) -> tuple[str, ...]:
    """zig is clang with the headers and libraries of systems that are not here."""
    names = {"static": ("gcc", "clang"), "wasi": ("clang",)}
    return names.get(place.link, ("zig",))


def _compiler(place: Platform, compiler: str) -> Need:
    if compiler == "gcc":
        return cross_gcc(place.target, also=("gcc",) if place.target == X86_64 else ())
    if compiler == "zig":
        return Need("ziglang", "pip install ziglang", "package")
    return Need("clang", "apt-get install clang-19 lld-19", names=_CLANGS)


def _command(place: Platform, compiler: str, found: str | None) -> tuple[str, ...] | None:
    if found is None:
        return None
    if compiler == "gcc":
        return (Path(found).name,)
    if compiler == "zig":
        return (sys.executable, "-m", "ziglang", "cc", "-target", place.target)
    return (Path(found).name, f"--target={place.target}", "-fuse-ld=lld")


def missing(cell: Cell) -> str | None:
    """Why a cell cannot be run here; None when it can."""
    place = cell.platform
    if place.runner is None:
        here = _core.kernels()
        if platform.machine() != "x86_64" or not all(here.get(k) for k in place.kernels):
            return f"this CPU does not run {place.name}"
    if cell.command is None:
        return f"no {cell.compiler} for {place.target}; {cell.need.install}"
    for need in (*place.builds_with, *place.needs):
        if need.found() is None:
            return f"{need.name} is not installed; {need.install}"
    return None
