"""``pico_bench`` for an architecture: built from the core's sources with the compiler at hand."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pico_deploy.errors import MissingDependencyError, PicoError
from targets.architectures import Architecture

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = "pico_bench"
_NOT_UNITS = ("pico_conform.c",)  # bench_conform.c includes it
_FLAGS = ("-std=c11", "-O3", "-static", "-s")


class BuildError(PicoError):
    """The compiler refused the core."""

    code = "build-failed"
    exit_code = 15


def built(arch: Architecture, command: Sequence[str] | None = None) -> Path:
    """``pico_bench`` as one static program, built unless it is there already.

    ``command`` is the compiler (default: ``compiler(arch)``). The program lies in
    ``build/pico_bench`` of the checkout under the hash of its sources and compiler, so a change of
    either builds it anew. Raises ``MissingDependencyError`` without sources or a compiler, and
    ``BuildError``.
    """
    sources = _sources()
    command = command or compiler(arch)
    place = ROOT / "build" / PROGRAM / arch.name / _key(sources, command)
    program = place / PROGRAM
    if program.is_file():
        return program
    place.mkdir(parents=True, exist_ok=True)
    part = place / f"{PROGRAM}.{os.getpid()}.part"
    units = [str(path) for path in sources if path.suffix == ".c" and path.name not in _NOT_UNITS]
    include = f"-I{ROOT / 'core' / 'include'}"
    done = subprocess.run(
        [*command, *_FLAGS, include, "-o", str(part), *units], capture_output=True, text=True
    )
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()
        raise BuildError(
            f"{' '.join(command)} cannot build {PROGRAM} for {arch.name}: "
            f"{reason[0] if reason else 'it said nothing'}"
        )
    part.replace(program)
    return program


def compiler(arch: Architecture) -> list[str]:
    """A compiler that links static programs for an architecture: zig, which brings musl, or a cross
    gcc. Raises ``MissingDependencyError``.
    """
    if importlib.util.find_spec("ziglang") is not None:
        return [sys.executable, "-m", "ziglang", "cc", "-target", arch.zig]
    gcc = f"{arch.gcc}-gcc"
    if shutil.which(gcc):
        return [gcc]
    raise MissingDependencyError(
        f"no compiler for {arch.name}: run `pip install pico-deploy[devices]`, which brings zig, "
        f"or install {gcc}"
    )


def _sources() -> list[Path]:
    core = ROOT / "core"
    patterns = ("src/**/*.[ch]", "include/*.h", "tools/*.[ch]", "bench/*.[ch]")
    found = sorted(path for pattern in patterns for path in core.glob(pattern))
    if not found:
        raise MissingDependencyError(
            "the sources of the core are not installed; run this in a checkout, or give a "
            f"{PROGRAM} with --program"
        )
    return found


def _key(sources: Sequence[Path], command: Sequence[str]) -> str:
    digest = hashlib.sha256(repr((Path(command[0]).name, *command[1:], *_FLAGS)).encode())
    for path in sources:
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
