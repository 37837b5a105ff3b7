"""What the core costs on Arm, without an Arm processor: instructions under an emulator.

    python benchmarks/arm/cost.py [--compiler clang | gcc] [--check] [--store]

Counts the guest's instructions of every phase of the core, kernel set by kernel set, with a plugin
of QEMU's user-mode emulator, and prints them per symbol (per pixel sample for pixels). The count is
exact and repeatable: it is no time, and nothing in it tells a load that misses from one that hits.
`--check` compares with the stored counts, `--store` replaces them.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

ARM = Path(__file__).resolve().parent
ROOT = ARM.parents[1]
sys.path.insert(0, str(ARM.parent))

from network import make_model  # noqa: E402
from workload import WORKLOADS, make_workload  # noqa: E402

from pico_deploy.entropy.gaussian import standard_tables  # noqa: E402
from pico_deploy.entropy.serialise import to_bytes  # noqa: E402

BASELINE = ARM / "baseline.json"
COMPILERS = {
    "clang": ("clang-19", "--target=aarch64-linux-gnu"),
    "gcc": ("aarch64-linux-gnu-gcc", "-fno-tree-loop-distribute-patterns"),
}
"""Phones' builds come from clang."""
EMULATOR = "qemu-aarch64"
"""The dynamic build: the static one has no plugins."""
CPU = "cortex-a76"
FLAGS = ["-std=gnu11", "-O3"]
ALLOWANCE = 0.02
TILES = 2
SEED = 20261122


class Counts(BaseModel):
    """Instructions a symbol, or a pixel sample, by kernel set and phase; and what they hang on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    provenance: str
    compiler: str
    emulator: str
    instructions: dict[str, dict[str, float]]


@dataclass(frozen=True)
class Excess:
    """A phase that takes more instructions than the allowance lets it."""

    kernels: str
    phase: str
    stored: float
    counted: float

    def __str__(self) -> str:
        more = 100 * (self.counted / self.stored - 1)
        return f"{self.kernels} {self.phase}: {self.stored} -> {self.counted} (+{more:.1f} %)"


def first_line(*command: str) -> str:
    """What a program prints about itself."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")[0]


def versions(compiler: str) -> tuple[str, str]:
    """Compiler and emulator, as they name themselves."""
    return first_line(COMPILERS[compiler][0], "--version"), first_line(EMULATOR, "--version")


def missing_tools(compiler: str) -> list[str]:
    """Programs that are not installed."""
    return [tool for tool in (COMPILERS[compiler][0], EMULATOR, "gcc") if not shutil.which(tool)]


def write_inputs(folder: Path) -> list[str]:
    """Tables, slices of the workloads and a network, as the guest takes them."""
    tables = standard_tables()
    frequencies = np.concatenate([np.concatenate([[len(t)], t]) for t in tables])
    (folder / "tables").write_bytes(frequencies.astype("<u2").tobytes())
    arguments = [str(folder / "tables"), str(len(tables)), str(TILES)]
    for name in WORKLOADS:
        workload = make_workload(name)
        index, values = folder / f"index-{name}", folder / f"values-{name}"
        index.write_bytes(workload.index[:TILES].tobytes())
        values.write_bytes(workload.symbols[:TILES].tobytes())
        if len(arguments) == 3:
            arguments.append(str(workload.index.shape[1]))
        arguments += [str(index), str(values)]
    model = make_model("conv")
    (folder / "model").write_bytes(to_bytes(model))
    g = model.geometry
    spread = np.random.default_rng(SEED).standard_normal((g.z_channels, g.z_side, g.z_side)) * 3
    z = np.clip(np.rint(spread), -g.z_max, g.z_max).astype(np.int8)
    (folder / "z").write_bytes(z.tobytes())
    return [*arguments, str(folder / "model"), str(folder / "z")]


def build(folder: Path, compiler: str, core: Path = ROOT / "core") -> Path:
    """The guest program; ``core`` may be a changed copy."""
    guest = folder / "guest"
    include = ["-I", str(core / "include"), "-I", str(core / "src")]
    sources = [str(source) for source in sorted(core.glob("src/**/*.c"))]
    out = ["-static", "-o", str(guest), str(ARM / "guest.c")]
    subprocess.run([*COMPILERS[compiler], *FLAGS, *include, *out, *sources], check=True)
    return guest


def count(folder: Path, guest: Path, compiler: str, arguments: list[str]) -> Counts:
    """One run of the guest; raises if it fails, or if marks and phases do not go together."""
    plugin = folder / "plugin.so"
    flags = ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror"]
    subprocess.run(["gcc", *flags, "-o", str(plugin), str(ARM / "plugin.c")], check=True)
    run = [EMULATOR, "-cpu", CPU, "-plugin", str(plugin), str(guest), *arguments]
    finished = subprocess.run(run, capture_output=True, text=True)
    if finished.returncode != 0:
        raise RuntimeError(f"the guest failed: {finished.stderr.strip()}")
    phases = [line.split() for line in finished.stdout.splitlines()]
    marks = [int(line) for line in finished.stderr.split()]
    if len(marks) != 2 * len(phases):
        raise RuntimeError(f"{len(marks)} marks for {len(phases)} phases")
    instructions: dict[str, dict[str, float]] = {}
    for (kernels, phase, elements), start, end in zip(phases, marks[::2], marks[1::2], strict=True):
        instructions.setdefault(kernels, {})[phase] = round((end - start) / int(elements), 3)
    name, emulator = versions(compiler)
    return Counts(
        provenance="emulated", compiler=name, emulator=emulator, instructions=instructions
    )


def count_all(compiler: str) -> Counts:
    """Build and run everything in a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return count(folder, build(folder, compiler), compiler, write_inputs(folder))


def stored() -> Counts:
    """The counts in the tree."""
    return Counts.model_validate_json(BASELINE.read_text(encoding="utf-8"))


def differing_versions(baseline: Counts, compiler: str) -> str | None:
    """Why counts cannot be compared with the baseline; None if they can."""
    pairs = zip(
        ("compiler", "emulator"),
        (baseline.compiler, baseline.emulator),
        versions(compiler),
        strict=True,
    )
    other = [
        f"{what} {here!r}, the stored counts were made with {then!r}"
        for what, then, here in pairs
        if then != here
    ]
    return "; ".join(other) or None


def excesses(baseline: Counts, counted: Counts) -> list[Excess]:
    """Phases that take more than the allowance; raises KeyError if a set or phase is gone."""
    return [
        Excess(kernels, phase, before, counted.instructions[kernels][phase])
        for kernels, phases in baseline.instructions.items()
        for phase, before in phases.items()
        if counted.instructions[kernels][phase] > before * (1 + ALLOWANCE)
    ]


def table(counts: Counts) -> str:
    """One line a phase, one column a set."""
    sets = list(counts.instructions)
    lines = [f"{'instructions a symbol':<24}" + "".join(f"{s:>10}" for s in sets)]
    for phase in counts.instructions[sets[0]]:
        values = "".join(f"{counts.instructions[s][phase]:>10.2f}" for s in sets)
        lines.append(f"{phase:<24}{values}")
    return "\n".join([*lines, f"{counts.provenance}: {counts.compiler}; {counts.emulator}"])


def main() -> None:
    """Print the table; compare or store if asked."""
    parser = argparse.ArgumentParser(description="Instructions of the core on Arm, emulated.")
    parser.add_argument("--check", action="store_true", help="fail if a stored count is exceeded")
    parser.add_argument("--store", action="store_true", help="make these the stored counts")
    parser.add_argument("--compiler", choices=COMPILERS, default="clang")
    options = parser.parse_args()
    if missing := missing_tools(options.compiler):
        parser.error(f"not installed: {', '.join(missing)} (packages: .ci/apt-packages.txt)")
    counted = count_all(options.compiler)
    print(table(counted))
    if options.check:
        if why := differing_versions(stored(), options.compiler):
            sys.exit(f"not compared: {why}")
        if over := excesses(stored(), counted):
            sys.exit("\n".join(["more than 2 % above the stored counts:", *map(str, over)]))
    if options.store:
        BASELINE.write_text(counted.model_dump_json(indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
