"""The entropy coder of the core as a WebAssembly module in Node's V8, vectors beside scalar.

    python benchmarks/core_wasm.py [--workload A B] [--seconds 1]

The same workloads, streams and C file as benchmarks/core.py, one stream after the other: MSym/s
count all symbols, skipped ones too; one thread, elapsed time in the engine, best and median. The
bytes have to be those that this machine's own code gives, the symbols those that were encoded.
Needs clang with wasm-ld (or the Python package ziglang) and Node 20.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from coder import AUTO, OFF, Coder, load, standard_frequencies
from library import ROOT
from workload import WORKLOADS, Workload, make_workload

from pico_deploy.entropy.gaussian import standard_tables
from pico_deploy.measure import identity

sys.path.insert(0, str(ROOT / "core" / "wasm"))
import build

GROUP, LANES = 8, 32
SETS = {"scalar": 0, "wasm_simd": None}
"""CPU flags that select a set; None: those of the module."""


@dataclass(frozen=True)
class Times:
    """Milliseconds of runs of a whole image, the shortest first."""

    encode: list[float]
    decode: list[float]


def compile_module(folder: Path) -> Path:
    """The core with core_bench.c and its functions exported."""
    compiler = build.find_compiler()
    if compiler is None:
        sys.exit("neither clang with wasm-ld nor the Python package ziglang is installed")
    module = folder / "bench.wasm"
    names = "bench_cpu", "bench_size", "bench_init", "bench_encode", "bench_decode"
    line = build.command(compiler, module, checks=[ROOT / "benchmarks" / "core_bench.c"])
    line += ["-I", str(ROOT / "core" / "src"), *(f"-Wl,--export={name}" for name in names)]
    subprocess.run(line, check=True)
    return module


def run_in_node(
    folder: Path, workload: Workload, flags: int | None, skip: int, seconds: float
) -> tuple[list[bytes], Times]:
    """The streams and the times; Node has checked that the symbols come back."""
    (folder / "tables").write_bytes(standard_frequencies().tobytes())
    (folder / "index").write_bytes(workload.index.tobytes())
    (folder / "symbols").write_bytes(workload.symbols.tobytes())
    job = {
        "rows": len(standard_tables()),
        "tiles": len(workload.index),
        "tileSize": workload.index.shape[1],
        "group": GROUP,
        "lanes": LANES,
        "skip": skip,
        "flags": flags,
        "seconds": seconds,
    }
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    script = ROOT / "benchmarks" / "core_wasm.mjs"
    subprocess.run(["node", str(script), str(folder)], check=True)
    found = json.loads((folder / "times.json").read_text(encoding="utf-8"))
    data, streams, at = (folder / "streams").read_bytes(), [], 0
    for length in found["lengths"]:
        streams.append(data[at : at + length])
        at += length
    return streams, Times(sorted(found["encode"]), sorted(found["decode"]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--workload", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure")
    options = parser.parse_args()
    host = identity.host()
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    print(f"{host.cpu}, {host.os} {host.architecture} (host), Node {node.stdout.strip()}")
    print(f"\n{'MSym/s, best':>31}{'median':>15}\n   set        skip     enc    dec     enc    dec")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        library = load(folder)
        compile_module(folder)
        for workload_name in options.workload:
            workload = make_workload(workload_name)
            symbols = workload.symbols.size / 1e3
            for set_name, flags in SETS.items():
                for skip in (AUTO, OFF):
                    own = Coder(library, 0, LANES, GROUP, skip)
                    own.prepare(workload)
                    streams, times = run_in_node(folder, workload, flags, skip, options.seconds)
                    if streams != own.encode(workload):
                        raise RuntimeError(f"{set_name} wrote other bytes than this machine")
                    print(
                        f"{workload_name}  {set_name:<10} {'-' if skip == OFF else 'skip':<5}"
                        f"{symbols / times.encode[0]:>7.0f}{symbols / times.decode[0]:>7.0f}"
                        f"{symbols / median(times.encode):>8.0f}"
                        f"{symbols / median(times.decode):>7.0f}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
