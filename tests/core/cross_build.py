"""Building and running the core's C tests for processors that this machine has not got."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

CORE = Path(__file__).resolve().parents[2] / "core"
WASI_SYSROOT = Path("/usr/include/wasm32-wasi")
WARNINGS = ["-Wall", "-Wextra", "-Werror"]
SANITIZERS = [
    "-fsanitize=address,signed-integer-overflow,shift,alignment",  # all of `undefined` takes long
    "-fno-sanitize-recover=all",
]


@dataclass(frozen=True)
class Target:
    """A compiler with its options, and what runs the program it makes."""

    compiler: str
    flags: tuple[str, ...]
    link: tuple[str, ...]
    runner: tuple[str, ...] | None
    """None: wasmtime, inside this process."""

    def require_tools(self) -> None:
        """Skips the test, naming what is missing."""
        for tool in (self.compiler, *(self.runner[:1] if self.runner else ())):
            if shutil.which(tool) is None:
                pytest.skip(f"{tool} is not installed (packages: .ci/apt-packages.txt)")
        if self.runner is None:
            if not WASI_SYSROOT.is_dir():
                pytest.skip("wasi-libc is not installed (packages: .ci/apt-packages.txt)")
            if importlib.util.find_spec("wasmtime") is None:
                pytest.skip("the Python package wasmtime is not installed")


ARM64_SANITIZED = Target(
    "aarch64-linux-gnu-gcc",
    ("-O1", "-g", *SANITIZERS),
    tuple(SANITIZERS),
    ("qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu"),
)
ARM64_CLANG = Target(
    "clang-19",
    ("--target=aarch64-linux-gnu", "-O3"),
    ("--target=aarch64-linux-gnu", "-static"),
    ("qemu-aarch64-static",),
)
WASM = Target(
    "clang-19",
    ("--target=wasm32-wasi", "-msimd128", "-O2", "-isystem", str(WASI_SYSROOT)),
    (
        "--target=wasm32-wasi",
        "--sysroot=/usr",
        "-L/usr/lib/wasm32-wasi",
        "-Wl,-z,stack-size=1048576",
    ),
    None,
)


def gnu(triple: str, emulator: str) -> Target:
    """gcc for a triple, and its user-mode emulator."""
    return Target(f"{triple}-gcc", ("-O1",), ("-static",), (f"qemu-{emulator}-static",))


ARMHF = gnu("arm-linux-gnueabihf", "arm")
I686 = gnu("i686-linux-gnu", "i386")
S390X = gnu("s390x-linux-gnu", "s390x")


def run(*command: object) -> None:
    """A command that has to succeed."""
    finished = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr


class Build:
    """Objects of one target in one folder; a program with one source changed shares the rest."""

    def __init__(self, target: Target, folder: Path) -> None:
        target.require_tools()
        self.target, self.folder = target, folder
        sources = [*sorted(CORE.glob("src/**/*.c")), *sorted(CORE.glob("tests/*.c"))]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            self.objects = dict(zip(sources, pool.map(self._compile, sources), strict=True))
        self.program = self._link("tests", self.objects)

    def _compile(self, source: Path) -> Path:
        parts = source.relative_to(CORE).parts if source.is_relative_to(CORE) else (source.name,)
        out = self.folder / ("_".join(parts) + ".o")
        include = ["-I", CORE / "include", "-I", CORE / "src", "-I", CORE / "tests"]
        flags = ["-std=c11", *WARNINGS, *self.target.flags]
        run(self.target.compiler, *flags, *include, "-c", source, "-o", out)
        return out

    def _link(self, name: str, objects: Mapping[Path, Path]) -> Path:
        program = self.folder / name
        run(self.target.compiler, *self.target.link, *objects.values(), "-o", program)
        return program

    def changed(self, file: str, old: str, new: str) -> Path:
        """The program with one text in one file under core/ replaced by another."""
        original = CORE / file
        text = original.read_text(encoding="utf-8")
        assert old in text, f"{file} has no {old!r} any more"
        source = self.folder / "changed.c"
        text = text.replace(old, new).replace('#include "../', '#include "')
        source.write_text(text.replace('#include "network.h"', '#include "neon/network.h"'))
        return self._link("changed", {**self.objects, original: self._compile(source)})

    def output(self, program: Path, *options: str) -> tuple[int, str]:
        """Exit status and everything printed; `options` go to the emulator."""
        if self.target.runner is None:
            return run_wasi(program, self.folder / "output.txt")
        command = [*self.target.runner, *options, str(program)]
        # Leaks are looked for by tracing the process, which the emulator cannot do.
        environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
        finished = subprocess.run(command, capture_output=True, text=True, env=environment)
        return finished.returncode, finished.stdout + finished.stderr


def run_wasi(program: Path, log: Path) -> tuple[int, str]:
    """A WASI program under wasmtime: exit status and everything printed."""
    import wasmtime

    engine = wasmtime.Engine()
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    store = wasmtime.Store(engine)
    wasi = wasmtime.WasiConfig()
    errors = log.with_suffix(".errors")
    wasi.stdout_file, wasi.stderr_file = str(log), str(errors)
    store.set_wasi(wasi)
    instance = linker.instantiate(store, wasmtime.Module.from_file(engine, str(program)))
    start = instance.exports(store)["_start"]
    assert isinstance(start, wasmtime.Func)
    status = 0
    try:
        start(store)
    except wasmtime.ExitTrap as exit_:
        status = exit_.code
    except wasmtime.Trap as trap:
        return 134, log.read_text() + errors.read_text() + str(trap)
    return status, log.read_text() + errors.read_text()
