"""Builds the fuzz targets and runs each over its corpus, then for some seconds on new inputs.

    python core/fuzz/fuzzers.py --seconds 60

Needs clang with libFuzzer (clang-19, or what CLANG names) and nothing outside Python's library. A
finding is written to --artefacts and ends the run with 1; `build/fuzz/fuzz_TARGET FILE` runs it
again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORE = HERE.parent
TARGETS = ("parse", "stream", "model", "round_trip")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
FUZZER = ("-fsanitize=fuzzer-no-link",)
SLOWEST_INPUT_SECONDS = 25
LARGEST_ALLOCATION_MB = 2048


def find_clang() -> str | None:
    """A clang that has libFuzzer, if there is one."""
    for name in (os.environ.get("CLANG"), "clang-19", "clang"):
        path = shutil.which(name) if name else None
        if path and _has_libfuzzer(path):
            return path
    return None


def _has_libfuzzer(clang: str) -> bool:
    program = "#include <stddef.h>\nint LLVMFuzzerTestOneInput(const char *d, size_t n);\n"
    program += "int LLVMFuzzerTestOneInput(const char *d, size_t n) { return d == 0 && n > 0; }\n"
    command = [clang, "-x", "c", "-", "-fsanitize=fuzzer", "-o", os.devnull]
    return subprocess.run(command, input=program.encode(), capture_output=True).returncode == 0


def objects_of(sources: Iterable[Path], folder: Path, core: Path = CORE) -> list[Path]:
    """Where `compile_objects` puts the object of each source."""
    return [folder / ("_".join(source.relative_to(core).parts) + ".o") for source in sources]


def compile_objects(
    compiler: str, sources: Iterable[Path], folder: Path, flags: Sequence[str], core: Path = CORE
) -> list[Path]:
    """Object files of `sources`, two at a time."""
    folder.mkdir(parents=True, exist_ok=True)

    def compile_one(source: Path) -> Path:
        (target,) = objects_of([source], folder, core)
        include = [f"-I{core / 'include'}", f"-I{core / 'src'}"]
        command = [compiler, "-std=c11", "-O1", "-g", *flags, *include, "-c", "-o", str(target)]
        subprocess.run([*command, str(source)], check=True)
        return target

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(compile_one, sources))


def library_sources(core: Path = CORE) -> list[Path]:
    """The core and what all targets share."""
    shared = ("tests/fixture.c", "fuzz/harness.c", "fuzz/changed_model.c")
    return [*sorted(core.glob("src/**/*.c")), *(core / name for name in shared)]


def link(clang: str, target: str, folder: Path, objects: Sequence[Path]) -> Path:
    """A target's program, from its own object and those that all share."""
    own = compile_objects(clang, [HERE / f"fuzz_{target}.c"], folder, [*SANITIZERS, *FUZZER])
    program = folder / f"fuzz_{target}"
    command = [clang, "-fsanitize=fuzzer", *SANITIZERS, "-o", program, *own, *objects]
    subprocess.run([str(part) for part in command], check=True)
    return program


def build(clang: str, folder: Path) -> dict[str, Path]:
    """Every target with libFuzzer, under the sanitizers."""
    shared = compile_objects(clang, library_sources(), folder, [*SANITIZERS, *FUZZER])
    return {target: link(clang, target, folder, shared) for target in TARGETS}


def unpack(target: str, folder: Path) -> list[Path]:
    """The inputs of the corpus in the tree, as files."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(HERE / "corpus" / f"{target}.zip") as archive:
        archive.extractall(folder)
    return sorted(folder.iterdir())


def fuzz(program: Path, corpus: Path, seconds: int, artefacts: Path) -> str:
    """Run the corpus, then new inputs (added to `corpus`) for `seconds`; returns the report.

    Raises `CalledProcessError` when an input breaks a promise.
    """
    artefacts.mkdir(parents=True, exist_ok=True)
    limit = f"-max_total_time={seconds}" if seconds > 0 else "-runs=0"
    command = [str(program), f"-artifact_prefix={artefacts}/", f"-timeout={SLOWEST_INPUT_SECONDS}"]
    command += [f"-rss_limit_mb={LARGEST_ALLOCATION_MB}", "-print_final_stats=1", "-verbosity=0"]
    command += [limit, str(corpus)]
    finished = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if finished.returncode != 0:
        raise subprocess.CalledProcessError(finished.returncode, command, finished.stdout)
    return finished.stdout


def main() -> int:
    """Entry point of `make fuzz`."""
    parser = argparse.ArgumentParser(description="Build the fuzz targets and run each.")
    parser.add_argument("--seconds", type=int, default=60, help="on new inputs, for each target")
    parser.add_argument("--build", type=Path, default=CORE.parent / "build/fuzz")
    parser.add_argument("--artefacts", type=Path, default=CORE.parent / "out/fuzz")
    options = parser.parse_args()
    clang = find_clang()
    if clang is None:
        print("error: no clang with libFuzzer here; install clang-19", file=sys.stderr)
        return 1
    programs = build(clang, options.build)
    for target, program in programs.items():
        corpus = options.build / "corpus" / target
        inputs = unpack(target, corpus)
        try:
            report = fuzz(program, corpus, options.seconds, options.artefacts)
        except subprocess.CalledProcessError as error:
            print(error.output)
            print(f"{target}: broken; the input is in {options.artefacts}")
            return 1
        runs = [line for line in report.splitlines() if "number_of_executed_units" in line]
        executed = runs[0].split()[-1] if runs else str(len(inputs))
        print(f"{target}: corpus of {len(inputs)}, {executed} inputs run, no fault")
    return 0


if __name__ == "__main__":
    sys.exit(main())
