"""Makes the corpora in `core/fuzz/corpus`: seeds, some minutes of fuzzing, then the smallest set of
inputs that reaches the same code.

    python core/fuzz/make_corpus.py --seconds 120

Run it again after a change of the core or of a target; inputs of the present corpora are kept as
long as they reach something that the others do not. Fuzzing is random, so the result is not the
same from run to run; what counts is in the tests: the corpora pass, and they find planted faults.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from fuzzers import (
    CORE,
    HERE,
    SANITIZERS,
    TARGETS,
    build,
    compile_objects,
    find_clang,
    fuzz,
    library_sources,
    unpack,
)

EPOCH = (1980, 1, 1, 0, 0, 0)
LARGEST_INPUT = 4096


def write_seeds(clang: str, folder: Path, objects: Path) -> None:
    """First inputs of every target, in a folder each."""
    shared = compile_objects(clang, [*library_sources(), HERE / "seed.c"], objects, SANITIZERS)
    program = objects / "seed"
    subprocess.run([clang, *SANITIZERS, "-o", program, *shared], check=True)
    for target in TARGETS:
        (folder / target).mkdir(parents=True)
    subprocess.run([program, folder], check=True)


def minimise(program: Path, inputs: Path, result: Path) -> None:
    """Keep what adds coverage, the shortest input first."""
    result.mkdir()
    command = [program, "-merge=1", f"-max_len={LARGEST_INPUT}", result, inputs]
    subprocess.run(command, check=True, capture_output=True)
    for control in inputs.glob("9[0-9][0-9][0-9]"):  # see seed.c
        shutil.copy(control, result)


def pack(folder: Path, archive: Path) -> int:
    """A zip that depends on the inputs alone."""
    files = sorted(folder.iterdir())
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for number, path in enumerate(files):
            packed.writestr(
                zipfile.ZipInfo(f"{number:04d}", EPOCH), path.read_bytes(), zipfile.ZIP_DEFLATED
            )
    return len(files)


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="Make the corpora of the fuzz targets.")
    parser.add_argument("--seconds", type=int, default=120, help="of fuzzing, for each target")
    parser.add_argument("--build", type=Path, default=CORE.parent / "build/corpus")
    parser.add_argument("--target", choices=TARGETS, action="append", help="only this one")
    options = parser.parse_args()
    clang = find_clang()
    if clang is None:
        print("error: no clang with libFuzzer here; install clang-19", file=sys.stderr)
        return 1
    shutil.rmtree(options.build, ignore_errors=True)
    programs = build(clang, options.build / "fuzzers")
    write_seeds(clang, options.build / "seeds", options.build / "objects")
    (HERE / "corpus").mkdir(exist_ok=True)
    for target in options.target or TARGETS:
        inputs = options.build / "seeds" / target
        archive = HERE / "corpus" / f"{target}.zip"
        if archive.exists():
            for path in unpack(target, options.build / "present" / target):
                path.rename(inputs / f"present-{path.name}")
        fuzz(programs[target], inputs, options.seconds, options.build / "artefacts")
        minimise(programs[target], inputs, options.build / f"minimised-{target}")
        count = pack(options.build / f"minimised-{target}", archive)
        print(f"{target}: {count} inputs, {archive.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
