"""The entropy coder of the core, every kernel set that runs here, beside its peers; then whole
images, the integer network and the pixels.

    python benchmarks/core.py [--workload A B] [--seconds 1] [--json FILE]

MSym/s count all symbols of the image (9,437,184 in A and B), skipped ones too; one thread, best
and median of several runs, processor time of the whole Python call with arrays in and bytes out,
copies included; what the core is beside others is said of the best.
Every decode is compared with what was encoded, symbol by symbol. Peers are timed in the same run,
two seconds a figure, if they are installed (benchmarks/peers.txt); the slower ones get the
image's first tiles alone.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import network
import numpy as np
import pixels
import product
from coder import AUTO, OFF, Coder, load
from library import SETS, timed
from peers import PEERS, Peer
from sizes import above_sixteen_bits
from workload import WORKLOADS, Workload, make_workload

from pico_deploy.measure import identity

PEER_SECONDS = 2.0


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    workload: str
    coder: str
    tiles: int
    skip: bool
    streams: int
    lanes: int
    encode_msym_s: float
    decode_msym_s: float
    encode_median_msym_s: float
    decode_median_msym_s: float
    encode_ms: float
    decode_ms: float
    bytes: int
    above_ideal_percent: float
    above_sixteen_bits_percent: float | None


def measure(
    name: str, whole: Workload, coder_name: str, coder: Coder | Peer, seconds: float
) -> Line:
    """Encode, check the round trip, time both."""
    workload = whole.first(coder.tiles) if coder.tiles < len(whole.index) else whole
    coder.prepare(workload)
    streams = coder.encode(workload)
    if not np.array_equal(coder.decode(workload, streams), workload.symbols):
        raise RuntimeError(f"{coder_name} did not give the symbols back")
    size = sum(len(s) for s in streams)
    encode = timed(lambda: coder.encode(workload), seconds)
    decode = timed(lambda: coder.decode(workload, streams), seconds)
    symbols = workload.symbols.size / 1e6
    one = isinstance(coder, Coder) and len(streams) == 1
    return Line(
        workload=name,
        coder=coder_name,
        tiles=len(workload.index),
        skip=isinstance(coder, Coder) and coder.skip != OFF,
        streams=len(streams),
        lanes=coder.lanes if isinstance(coder, Coder) else 1,
        encode_msym_s=symbols / encode[0],
        decode_msym_s=symbols / decode[0],
        encode_median_msym_s=symbols / median(encode),
        decode_median_msym_s=symbols / median(decode),
        encode_ms=1e3 * encode[0],
        decode_ms=1e3 * decode[0],
        bytes=size,
        above_ideal_percent=100 * (size / workload.ideal_bytes - 1),
        above_sixteen_bits_percent=above_sixteen_bits(workload, streams[0]) if one else None,
    )


def show(line: Line) -> None:
    """One row of text."""
    print(
        f"{line.workload}  {line.coder:<12} {'skip' if line.skip else '-':<5}"
        f"{line.streams:>3} x {line.lanes:<3} {line.encode_msym_s:>7.0f} {line.decode_msym_s:>6.0f}"
        f" {line.encode_median_msym_s:>7.0f} {line.decode_median_msym_s:>6.0f}"
        f" {line.encode_ms:>8.2f} {line.decode_ms:>7.2f}"
        f" {line.bytes:>10,} {line.above_ideal_percent:>+8.3f} %",
        end="" if line.above_sixteen_bits_percent is not None else "\n",
        flush=True,
    )
    if line.above_sixteen_bits_percent is not None:
        print(f"  {line.above_sixteen_bits_percent:+.3f} % above tables of 16 bits")


def show_peer(line: Line, ours: Line) -> None:
    """Its row, and what it is beside the core's best."""
    show(line)
    part = "" if line.tiles == ours.tiles else f", on its first {line.tiles} tiles"
    print(
        f"      {ours.coder} with skip: {ours.encode_msym_s / line.encode_msym_s:.0f} x as fast to"
        f" encode, {ours.decode_msym_s / line.decode_msym_s:.0f} x to decode{part}"
    )


def measure_core(library: ctypes.CDLL, name: str, workload: Workload, seconds: float) -> list[Line]:
    """Every kernel set in the default grouping, then one stream; with skip and without."""
    has, lines = library.bench_cpu(), []
    runs = [(kernels, flags, 8) for kernels, flags in SETS.items()]
    for coder_name, flags, group in [*runs, ("one stream", has, len(workload.index))]:
        if flags & ~has:
            print(f"{name}  {coder_name}: not on this CPU")
            continue
        for skip in (AUTO, OFF):
            coder = Coder(library, flags, 32, group, skip)
            lines.append(measure(name, workload, coder_name, coder, seconds))
            show(lines[-1])
    return lines


def measure_peers(name: str, workload: Workload, ours: Line) -> list[Line]:
    """Each that is installed; the slowest take half a second a run."""
    lines = []
    for peer_name, find in PEERS.items():
        peer = find()
        if peer is None:
            print(f"{name}  {peer_name}: not installed")
            continue
        try:
            lines.append(measure(name, workload, peer_name, peer, PEER_SECONDS))
        except (
            ImportError,
            RuntimeError,
            OSError,
        ) as error:  # torchac compiles itself when imported
            print(f"{name}  {peer_name}: does not run here: {error}")
            continue
        show_peer(lines[-1], ours)
    return lines


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--workload", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    host = identity.host()
    print(f"{host.cpu}, {host.cpu_count} processors, {host.os} {host.architecture} (host)")
    print("One thread, processor time of whole Python calls\n")
    print(f"{'MSym/s, best':>33}{'median':>15}{'ms, best':>17}")
    print("   coder        skip  streams   enc    dec     enc    dec      enc     dec", end="")
    print("      bytes above ideal")
    lines: list[Line] = []
    with tempfile.TemporaryDirectory() as folder:
        library = load(Path(folder))
        for name in options.workload:
            workload = make_workload(name)
            own = measure_core(library, name, workload, options.seconds)
            lines += own
            if not options.no_peers:
                fastest = [line for line in own if line.skip and line.streams > 1][-1]
                lines += measure_peers(name, workload, fastest)
    images = product.report(options.seconds)
    if options.json is not None:
        results = {"coders": [asdict(x) for x in lines], "images": [asdict(x) for x in images]}
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    network.report(seconds=options.seconds)
    pixels.report(seconds=options.seconds)


if __name__ == "__main__":
    main()
