"""libpico as a WebAssembly module.

    python core/wasm/build.py pico.wasm [--compiler clang-19 | "python -m ziglang cc"] [--scalar]
    python core/wasm/build.py pico-threads.wasm --threads

The module imports nothing. It exports every function of pico.h, `pico_wasm_cpu_flags`, its memory
(which grows) and `__heap_base`, where the caller's buffers may begin: below are the stack, which
traps when it overflows, and constants. Structures have the layout of C on wasm32: pointers and
size_t are 32 bits wide.

With ``--threads`` the memory is imported and shared (``env.memory``, at most THREADS_MEMORY_BYTES):
every thread makes an instance on it and sets `__stack_pointer` to a stack of its own.
"""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CORE = Path(__file__).resolve().parents[1]
STACK_BYTES = 1 << 18
"""The kernels that use most of it, those of pointwise layers, take 16 KiB."""
THREADS_MEMORY_BYTES = 1 << 29
"""Browsers reserve a shared memory's maximum at once, and phones refuse much more than this."""


def exported_functions() -> list[str]:
    """Functions that pico.h declares, and the module's own."""
    header = (CORE / "include" / "pico.h").read_text(encoding="utf-8")
    code = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    return [*re.findall(r"\b(pico_\w+)\(", code), "pico_wasm_cpu_flags"]


def find_compiler() -> list[str] | None:
    """The first of clang (with wasm-ld) and the Python package ziglang that is there."""
    for name in ("clang", "clang-19", "clang-18", "clang-17"):
        if shutil.which(name) and shutil.which(name.replace("clang", "wasm-ld")):
            return [name]
    found = subprocess.run([sys.executable, "-c", "import ziglang"], capture_output=True)
    return [sys.executable, "-m", "ziglang", "cc"] if found.returncode == 0 else None


def command(
    compiler: list[str],
    out: Path,
    simd: bool = True,
    threads: bool = False,
    checks: Sequence[Path] = (),
) -> list[str]:
    """The command line that builds the module. ``checks`` are C files of static assertions that are
    compiled with it.
    """
    is_zig = "ziglang" in compiler or Path(compiler[0]).name.startswith("zig")
    target = ["-target", "wasm32-freestanding"] if is_zig else ["--target=wasm32"]
    linker = ["--no-entry", f"-z,stack-size={STACK_BYTES}", "--export=__heap_base"]
    linker += [] if is_zig else ["--stack-first"]  # zig does so anyway
    linker += [f"--export={name}" for name in exported_functions()]
    if threads:
        linker += ["--import-memory", "--shared-memory", f"--max-memory={THREADS_MEMORY_BYTES}"]
        linker += ["--export=__stack_pointer"]
    return [
        *compiler,
        *target,
        *("-std=c11", "-O3", "-ffreestanding", "-nostdlib", "-fvisibility=hidden", "-s"),
        "-mbulk-memory",  # so that copying a structure is an instruction, not a call of memcpy
        *(["-msimd128"] if simd else []),
        *(["-matomics"] if threads else []),
        *(f"-Wl,{option}" for option in linker),
        *("-I", str(CORE / "include"), "-o", str(out)),
        str(CORE / "wasm" / "exports.c"),
        *(str(source) for source in sorted(CORE.glob("src/**/*.c"))),
        *map(str, checks),
    ]


def main() -> None:
    """Build one module."""
    parser = argparse.ArgumentParser(description="Build libpico as a WebAssembly module.")
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--compiler", type=shlex.split, help="clang, or zig's (default: what is there)"
    )
    parser.add_argument("--scalar", action="store_true", help="without vectors, for old engines")
    parser.add_argument("--threads", action="store_true", help="on a shared memory, imported")
    parser.add_argument(
        "--check", type=Path, action="append", default=[], help="C file of static assertions"
    )
    options = parser.parse_args()
    compiler = options.compiler or find_compiler()
    if compiler is None:
        parser.error("neither clang with wasm-ld nor the Python package ziglang is installed")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    line = command(compiler, options.out, not options.scalar, options.threads, options.check)
    sys.exit(subprocess.run(line).returncode)


if __name__ == "__main__":
    main()
