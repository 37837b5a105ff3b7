"""``pico_conform`` for a cell, built from the core's sources unless it is there already."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

from pico_deploy.conformance.matrix.platforms import Cell
from pico_deploy.errors import MissingDependencyError, VerificationError

BUILD_TIMEOUT_S = 900


class CellBuildError(VerificationError):
    """A compiler that is there refused the core."""


def sources(core: Path, cell: Cell) -> list[Path]:
    """Files to compile. For Apple's systems there is no C library here, and so no ``main``: the
    judge alone, which an emulator calls.
    """
    tools = ["conform.c"] if cell.platform.link == "apple" else ["conform.c", "pico_conform.c"]
    paths = [core / "tools" / name for name in tools]
    if not all(path.is_file() for path in paths):
        raise MissingDependencyError(
            f"the sources of the core are not in {core}; run this in a checkout"
        )
    return [*paths, *sorted((core / "src").rglob("*.c"))]


def command(core: Path, cell: Cell, program: Path) -> list[str]:
    """The compiler's command line."""
    assert cell.command is not None
    link = {
        "static": ["-static"],
        "wasi": ["-Wl,-z,stack-size=1048576"],
        "apple": ["-ffreestanding", "-nostdlib", "-shared"],
        # zig adds a sanitizer to what is not optimised.
        "windows": ["-static", "-fno-sanitize=undefined"],
    }[cell.platform.link]
    return [
        *cell.command,
        *("-std=c11", *cell.setting.split(), *cell.platform.flags, *link),
        *("-I", str(core / "include"), "-o", str(program)),
        *(str(path) for path in sources(core, cell)),
    ]


def build(core: Path, cell: Cell, cache: Path) -> Path:
    """The program of a cell. It lies in ``cache`` under the hash of its sources and command, so a
    change of either builds it anew. Raises ``CellBuildError``.
    """
    place = cache / _key(core, cell)
    program = place / "pico_conform"
    if program.is_file():
        return program
    place.mkdir(parents=True, exist_ok=True)
    part = place / f"pico_conform.{os.getpid()}.part"
    line = command(core, cell, part)
    try:
        done = subprocess.run(line, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise CellBuildError(f"{line[0]} did not end within {BUILD_TIMEOUT_S} s") from error
    if done.returncode != 0:
        said = [text for text in done.stderr.splitlines() if "error" in text] or ["nothing"]
        raise CellBuildError(f"{line[0]} exits with {done.returncode} and says: {said[0]}")
    part.replace(program)
    return program


def _key(core: Path, cell: Cell) -> str:
    place = cell.platform
    settings = (cell.command, cell.setting, place.flags, place.link)
    digest = hashlib.sha256(repr(settings).encode())
    digest.update(compiler_version(cell).encode())
    headers = [*core.glob("src/**/*.h"), *core.glob("include/*.h"), core / "tools/conform.h"]
    for path in [*sources(core, cell), *sorted(headers)]:
        digest.update(path.relative_to(core).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def compiler_version(cell: Cell) -> str:
    """First line of what the compiler says about itself."""
    assert cell.command is not None
    said = subprocess.run([*cell.command, "--version"], capture_output=True, text=True).stdout
    return said.splitlines()[0] if said else "unknown"
