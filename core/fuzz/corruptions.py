"""Builds the corruption run and starts it over the streams in the tree.

    python core/fuzz/corruptions.py --count 1000000

Needs any C compiler with -fsanitize-coverage=trace-pc (gcc or clang; CC names another) and nothing
outside Python's library. Ends with 1 when a promise is broken, and says which case did it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from fuzzers import CORE, HERE, SANITIZERS, compile_objects, objects_of

COUNT_STEPS = "-fsanitize-coverage=trace-pc"
SEED = 1
LIBRARY = sorted(CORE.glob("src/**/*.c"))
OWN = [
    CORE / "tests/fixture.c",
    *(HERE / f"{name}.c" for name in ("harness", "changed_model", "corruption", "corrupt")),
]


def find_compiler() -> str | None:
    """The C compiler to use, if there is one."""
    names = (os.environ.get("CC"), "gcc", "clang-19", "clang", "cc")
    return next((path for name in names if name and (path := shutil.which(name))), None)


def build(compiler: str, folder: Path, *, sanitize: bool) -> Path:
    """The program; only the library under test counts steps."""
    flags = [*(SANITIZERS if sanitize else ()), "-O2"]
    counted = compile_objects(compiler, LIBRARY, folder, [*flags, COUNT_STEPS])
    return _link(
        compiler, folder, [*counted, *compile_objects(compiler, OWN, folder, flags)], flags
    )


def rebuild(compiler: str, built: Path, changed: Path, core: Path) -> Path:
    """The program of `build(..., sanitize=False)` with one source from a changed copy of the
    core."""
    flags = ["-O2", COUNT_STEPS, f"-I{CORE / 'include'}"]
    (other,) = compile_objects(compiler, [changed], core, flags, core)
    objects = [
        other if path.name == other.name else path for path in objects_of([*LIBRARY, *OWN], built)
    ]
    return _link(compiler, core, objects, ["-O2"])


def _link(compiler: str, folder: Path, objects: Sequence[Path], flags: Sequence[str]) -> Path:
    program = folder / "corrupt"
    subprocess.run([compiler, *flags, "-o", str(program), *map(str, objects)], check=True)
    return program


def subjects() -> list[str]:
    """Each model, followed by streams that were made with it: photos coded with the trained model
    of the conformance vectors, and small synthetic ones of other shapes."""
    vectors = CORE.parent / "conformance"
    arguments = [str(vectors / "model/bundle/entropy.bin")]
    for kind in ("photo", "group", "lanes", "skip-dense", "symbols", "chunk-exif", "size"):
        arguments += map(str, sorted(vectors.glob(f"vectors/{kind}*/stream.pico")))
    for model in sorted((HERE / "streams").glob("*.bin")):
        arguments += [str(model), *map(str, sorted(model.parent.glob(f"{model.stem}-*.pico")))]
    return arguments


def run(
    program: Path, count: int, files: Sequence[str], *, seed: int = SEED, first: int = 0
) -> str:
    """The report; raises `CalledProcessError` when a promise is broken."""
    command = [str(program), str(count), str(seed), str(first), *files]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> int:
    """Entry point of `make corruptions`."""
    parser = argparse.ArgumentParser(description="Damage real streams and models in many ways.")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--sanitize", action="store_true", help="under ASan and UBSan: slower")
    parser.add_argument("--build", type=Path, default=CORE.parent / "build/corruptions")
    options = parser.parse_args()
    compiler = find_compiler()
    if compiler is None:
        print("error: no C compiler here", file=sys.stderr)
        return 1
    folder = options.build / ("sanitized" if options.sanitize else "plain")
    program = build(compiler, folder, sanitize=options.sanitize)
    try:
        print(
            run(program, options.count, subjects(), seed=options.seed, first=options.first), end=""
        )
    except subprocess.CalledProcessError as error:
        print(error.stdout + error.stderr, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
