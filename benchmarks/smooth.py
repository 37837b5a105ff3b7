"""Where a codec is behind a peer: the BD-rate of every photo over the bits that the peer needs.

``python benchmarks/smooth.py pico-s-perceptual --set Kodak=out/kodak -o smooth.png`` reads folders
of ``pico-deploy evaluate``; those of one name are one set. Prints the mean of each set and the rank
correlation over all points, and draws them.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from pico_deploy.figures import new_figure, png, rate_axis


@dataclass(frozen=True)
class Place:
    """A photo: bits per pixel of the peer at the quality asked for, BD-rate against it."""

    photo: str
    bits_per_pixel: float
    percent: float


def places(
    evaluation: dict[str, Any], codec: str, peer: str, metric: str, at: float
) -> list[Place]:
    """Every photo with a BD-rate up to 0.5 bits per pixel; what ``peer`` needs for the quality
    ``at`` lies between its neighbouring settings, in log rate."""
    wanted = (codec, peer, metric, 0.5)
    keys = ("test", "anchor", "metric", "up_to_bits_per_pixel")
    difference = next(d for d in evaluation["bd_rate"] if tuple(d[k] for k in keys) == wanted)
    found = []
    for entry in difference["photos"]:
        if entry["difference"] is None:
            continue
        points = sorted(
            (
                sample["figures"][metric],
                8 * sample["file_bytes"] / (sample["width"] * sample["height"]),
            )
            for sample in evaluation["samples"]
            if (sample["photo"], sample["coder"]) == (entry["photo"], peer)
        )
        values, rates = np.array(points).T
        rate = float(np.exp(np.interp(at, values, np.log(rates))))
        found.append(Place(entry["photo"], rate, entry["difference"]["percent"]))
    return found


def draw(sets: dict[str, list[Place]], labels: tuple[str, str], out: Path) -> None:
    """A mark for every photo, a kind for every set."""
    figure = new_figure(7.5, 4.6, what="the plot", extra="evaluate")
    axes = figure.add_subplot()
    for (name, found), marker in zip(sets.items(), "os^D", strict=False):
        x, y = [p.bits_per_pixel for p in found], [p.percent for p in found]
        axes.plot(x, y, marker, label=f"{name} ({len(found)})", alpha=0.8)
    axes.axhline(0, color="black", linewidth=0.8)
    rate_axis(axes, labels[0])
    axes.set_ylabel(labels[1])
    axes.legend()
    out.write_bytes(png(figure))


def main() -> None:
    """Read, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("codec")
    parser.add_argument("--set", action="append", required=True, metavar="NAME=FOLDER")
    parser.add_argument("--peer", default="AVIF")
    parser.add_argument("--metric", default="SSIMULACRA 2")
    parser.add_argument("--at", type=float, default=60.0, help="quality at which rates are read")
    parser.add_argument("-o", "--out", type=Path, required=True)
    arguments = parser.parse_args()
    peer, metric, at = arguments.peer, arguments.metric, arguments.at
    sets: dict[str, list[Place]] = {}
    for entry in arguments.set:
        name, _, folder = entry.partition("=")
        evaluation = json.loads((Path(folder) / "evaluation.json").read_text())
        sets.setdefault(name, []).extend(places(evaluation, arguments.codec, peer, metric, at))
    for name, found in sets.items():
        print(f"{name}: {len(found)} photos, mean {np.mean([p.percent for p in found]):+.1f} %")
        for place in sorted(found, key=lambda p: p.bits_per_pixel):
            print(f"  {place.bits_per_pixel:.3f} bpp  {place.percent:+.1f} %  {place.photo}")
    every = np.array([(p.bits_per_pixel, p.percent) for found in sets.values() for p in found])
    print(f"rank correlation over all {len(every)}: {spearmanr(every).statistic:+.2f}")
    labels = f"bits per pixel that {peer} needs for {metric} = {at:g}", f"BD-rate against {peer}, %"
    draw(sets, labels, arguments.out)


if __name__ == "__main__":
    main()
