"""The gates: does a converted part do what PyTorch's does, on real tiles, at every anchor?

``synthesis`` gets PyTorch's symbols and must lose next to nothing against the original picture.
``analysis`` may choose other symbols (half precision flips a few percent of them, which harms
nobody: the decoder sees what was sent), but what it chose must cost and look the same. Limits:
``pico_deploy/conformance/thresholds.toml``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from converters.bits import SymbolCost
from converters.parity_report import (
    AnalysisPoint,
    ArtefactParity,
    ParityReport,
    SynthesisPoint,
    analysis_failures,
    synthesis_failures,
)
from converters.runners import Arrays, Runner
from converters.tiles import Tile, to_input
from pico_deploy.bundle import Artefact
from pico_deploy.codecs.protocol import Codec
from pico_deploy.conformance.thresholds import ParityLimits
from pico_deploy.entropy.model import Geometry
from pico_deploy.errors import ConversionError

PSNR_CEILING_DB = 120.0
"""Stands for "equal", so that means stay finite."""


@dataclass(frozen=True)
class Candidate:
    """An artefact to judge, reloaded."""

    artefact: Artefact
    run: Runner
    checked_with: str


@dataclass
class _Sums:
    """What one artefact showed at one level, tile by tile."""

    loss_db: list[float] = field(default_factory=list)
    agreement_db: list[float] = field(default_factory=list)
    bits: list[float] = field(default_factory=list)
    differing: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Reference:
    """The PyTorch parts and the cost of their symbols."""

    codec: Codec
    analysis: Runner
    synthesis: Runner
    cost: SymbolCost


def anchor_levels(anchor_table: NDArray[np.float32]) -> tuple[int, ...]:
    """The level that stands for each anchor: where its weight is largest."""
    return tuple(sorted({int(level) for level in anchor_table.argmax(0)}))


def to_pixels(x: NDArray[np.float32]) -> Tile:
    """``x [1, 3, T, T]`` in 0…1 as the 8-bit picture a user gets (round half up)."""
    scaled = np.floor(x[0].transpose(1, 2, 0) * 255 + 0.5)
    return np.asarray(np.clip(scaled, 0, 255), np.uint8)


def psnr_db(a: NDArray[np.generic], b: NDArray[np.generic], peak: float) -> float:
    """Peak signal-to-noise ratio, in dB, at most ``PSNR_CEILING_DB``."""
    mse = float(np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2))
    return min(PSNR_CEILING_DB, 10 * np.log10(peak * peak / mse)) if mse > 0 else PSNR_CEILING_DB


def check_symbols(found: Arrays, masks: Arrays, geometry: Geometry) -> None:
    """Raise ``ConversionError`` unless symbols are integers, within limits, and zero where void.

    This is the contract the coder relies on; no tolerance applies.
    """
    for role, limit in (("z", geometry.z_max), ("y", geometry.y_max)):
        symbols = found[role]
        if not np.isfinite(symbols).all() or (symbols != np.rint(symbols)).any():
            raise ConversionError(f"analysis gives {role} that is not an integer")
        if np.abs(symbols).max() > limit:
            raise ConversionError(
                f"analysis gives {role} of {np.abs(symbols).max():g}, beyond ±{limit}"
            )
        if (symbols * (1 - masks[f"{role}_mask"]) != 0).any():
            raise ConversionError(f"analysis gives {role} other than zero where the mask says void")


def judge(
    reference: Reference,
    candidates: Sequence[Candidate],
    tiles: Sequence[Tile],
    limits: ParityLimits,
    thresholds_sha256: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ParityReport:
    """Run every candidate beside PyTorch on every tile and anchor.

    Streams over (anchor, tile), so memory does not grow with their number. Raises nothing for a
    failed limit: the report says so, and ``raise_on_failure`` acts on it; broken symbols (see
    :func:`check_symbols`) count as failure.
    """
    codec = reference.codec
    geometry = codec.geometry
    levels = anchor_levels(codec.anchor_table)
    pixels = geometry.payload**2
    base: dict[int, _Sums] = {level: _Sums() for level in levels}
    sums = {(i, level): _Sums() for i in range(len(candidates)) for level in levels}
    broken: dict[int, str] = {}
    masks = _masks(geometry, void=False)
    for index, candidate in enumerate(candidates):
        if candidate.artefact.part == "analysis":
            try:
                inputs = _analysis_inputs(codec, tiles[0], levels[-1], _masks(geometry, void=True))
                check_symbols(candidate.run(inputs), inputs, geometry)
            except ConversionError as error:
                broken[index] = str(error)
    total = len(levels) * len(tiles)
    for done, (level, tile) in enumerate((lv, t) for lv in levels for t in tiles):
        progress(done, total)
        inputs = _analysis_inputs(codec, tile, level, masks)
        symbols = reference.analysis(inputs)
        decoded = _decode(reference.synthesis, symbols, inputs)
        base_db = psnr_db(to_pixels(decoded), tile, 255)
        base_bits = reference.cost(symbols["z"], symbols["y"], level)
        base[level].bits.append(base_bits)
        base[level].loss_db.append(base_db)
        for index, candidate in enumerate(candidates):
            if index in broken:
                continue
            found = sums[index, level]
            if candidate.artefact.part == "synthesis":
                x_hat = _decode(candidate.run, symbols, inputs)
                found.agreement_db.append(psnr_db(x_hat, decoded, 1.0))
            else:
                other = candidate.run(inputs)
                try:
                    check_symbols(other, masks, geometry)
                except ConversionError as error:
                    broken[index] = str(error)
                    continue
                found.bits.append(reference.cost(other["z"], other["y"], level))
                found.differing.append(_differing_percent(symbols, other))
                x_hat = _decode(reference.synthesis, other, inputs)
            found.loss_db.append(base_db - psnr_db(to_pixels(x_hat), tile, 255))
    progress(total, total)
    artefacts = tuple(
        ArtefactParity(
            artefact=candidate.artefact.key,
            checked_with=candidate.checked_with,
            failures=(broken[index],),
        )
        if index in broken
        else _summarise(candidate, index, levels, base, sums, pixels, limits)
        for index, candidate in enumerate(candidates)
    )
    return ParityReport(
        codec=codec.name,
        tiles=len(tiles),
        thresholds_sha256=thresholds_sha256,
        limits=limits,
        artefacts=artefacts,
    )


def _analysis_inputs(codec: Codec, tile: Tile, level: int, masks: Arrays) -> Arrays:
    return {"x": to_input(tile), "anchors": codec.anchor_table[level][None], **masks}


def _masks(geometry: Geometry, *, void: bool) -> Arrays:
    """Everything coded, or as in a tile at the lower right end of an image."""
    masks = {}
    for name, side in (("y_mask", geometry.y_side), ("z_mask", geometry.z_side)):
        mask = np.ones((1, 1, side, side), np.float32)
        if void:
            mask[..., (side + 1) // 2 :, :] = 0
            mask[..., (2 * side + 2) // 3 :] = 0
        masks[name] = mask
    return masks


def _decode(synthesis: Runner, symbols: Arrays, inputs: Arrays) -> NDArray[np.float32]:
    feeds = {"z": symbols["z"], "y": symbols["y"], "anchors": inputs["anchors"]}
    return synthesis(feeds)["x_hat"]


def _differing_percent(a: Arrays, b: Arrays) -> float:
    differing = sum(int((a[r] != b[r]).sum()) for r in ("z", "y"))
    return 100 * differing / sum(a[r].size for r in ("z", "y"))


def _summarise(
    candidate: Candidate,
    index: int,
    levels: tuple[int, ...],
    base: dict[int, _Sums],
    sums: dict[tuple[int, int], _Sums],
    pixels: int,
    limits: ParityLimits,
) -> ArtefactParity:
    rates = {level: float(np.mean(base[level].bits)) / pixels for level in levels}
    if candidate.artefact.part == "synthesis":
        judged_up_to = max(limits.judged_up_to_bits_per_pixel, min(rates.values()))
        points = tuple(
            SynthesisPoint(
                level=level,
                bits_per_pixel=rates[level],
                reference_psnr_db=float(np.mean(base[level].loss_db)),
                loss_db=float(np.mean(sums[index, level].loss_db)),
                agreement_db=min(sums[index, level].agreement_db),
                judged=rates[level] <= judged_up_to,
            )
            for level in levels
        )
        return ArtefactParity(
            artefact=candidate.artefact.key,
            checked_with=candidate.checked_with,
            synthesis=points,
            failures=tuple(synthesis_failures(candidate.artefact, points, limits)),
        )
    analysis = tuple(
        AnalysisPoint(
            level=level,
            bits_per_pixel=rates[level],
            bits_change_percent=100 * (sum(sums[index, level].bits) / sum(base[level].bits) - 1),
            loss_db=float(np.mean(sums[index, level].loss_db)),
            differing_symbols_percent=float(np.mean(sums[index, level].differing)),
        )
        for level in levels
    )
    return ArtefactParity(
        artefact=candidate.artefact.key,
        checked_with=candidate.checked_with,
        analysis=analysis,
        failures=tuple(analysis_failures(analysis, limits)),
    )
