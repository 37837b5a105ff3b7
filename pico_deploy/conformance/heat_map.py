"""Decoders side by side: how far the pixels of each pair are apart, as a table and a heat map."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pico_deploy.conformance.verification import Verification
from pico_deploy.errors import UsageError
from pico_deploy.figures import new_figure, png
from pico_deploy.outputs import make_folder, write_bytes

EQUAL_DB = 100.0
"""Where the colours end: nothing that is not equal comes near it with 8-bit pixels of this size."""


def matrix(found: Verification) -> dict[tuple[str, str], float | None]:
    """Worst PSNR of every ordered pair of decoders, None for equal pixels."""
    pairs = {(a.one, a.other): a.psnr_db for a in found.agreement}
    return pairs | {(other, one): psnr for (one, other), psnr in pairs.items()}


def table(found: Verification) -> str:
    """Markdown: a row and a column for each decoder."""
    names, psnr = _names(found), matrix(found)
    lines = ["| PSNR dB | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for row in names:
        cells = [_cell(psnr.get((row, column)), row == column) for column in names]
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(psnr: float | None, same: bool) -> str:
    if same:
        return "–"
    return "=" if psnr is None else f"{psnr:.1f}"


def _names(found: Verification) -> list[str]:
    names = list(dict.fromkeys(n for a in found.agreement for n in (a.one, a.other)))
    if not names:
        raise UsageError("there are not two decoders on this machine to put side by side")
    return names


def heat_map(found: Verification) -> bytes:
    """PNG: the table in colours."""
    names, psnr = _names(found), matrix(found)
    values = np.full((len(names), len(names)), np.nan)
    for (row, column), value in psnr.items():
        at = names.index(row), names.index(column)
        values[at] = EQUAL_DB if value is None else min(value, EQUAL_DB)
    side = 2.5 + 0.55 * len(names)
    figure = new_figure(side + 1, side, what="the heat map", extra="conformance")
    axes = figure.add_subplot()
    image = axes.imshow(values, cmap="viridis", vmin=30, vmax=EQUAL_DB)
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right")
    axes.set_yticks(range(len(names)), names)
    for (row, column), value in np.ndenumerate(values):
        if not np.isnan(value):
            text = "=" if psnr[names[row], names[column]] is None else f"{value:.0f}"
            colour = "white" if value < 65 else "black"
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=7)
    streams = len(found.streams)
    axes.set_title(f"Pixels of the same {streams} streams, worst PSNR in dB (= is equal)")
    figure.colorbar(image, ax=axes, shrink=0.8)
    return png(figure)


def write_side_by_side(found: Verification, folder: Path) -> None:
    """Write ``side-by-side.json``, ``.md`` and ``.png`` into ``folder``; raises ``OutputError``."""
    picture, text = heat_map(found), table(found)
    make_folder(folder)
    write_bytes(folder / "side-by-side.json", found.model_dump_json(indent=1).encode() + b"\n")
    write_bytes(folder / "side-by-side.md", text.encode())
    write_bytes(folder / "side-by-side.png", picture)
