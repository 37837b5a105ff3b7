"""The gates: does a converted part do what PyTorch's does, on real tiles, at every anchor?

``synthesis`` gets PyTorch's symbols and must lose next to nothing against the original picture.
``analysis`` may choose other symbols (half precision flips a few percent of them, which harms
nobody: the decoder sees what was sent), but what it chose must cost and look the same. Limits:
``pico_deploy/conformance/thresholds.toml``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from converters.bits import SymbolCost
from converters.parity_report import (
    AnalysisPoint,
    ArtefactParity,
    SynthesisPoint,
    analysis_failures,
    synthesis_failures,
)
from converters.runners import Arrays, Runner
from converters.tiles import Tile, to_input
from pico_deploy.bundle import Artefact
from pico_deploy.codecs.protocol import Codec
from pico_deploy.conformance.thresholds import ParityLimits
from pico_deploy.entropy.levels import anchor_levels
from pico_deploy.entropy.model import Geometry
from pico_deploy.errors import ConversionError

PSNR_CEILING_DB = 120.0
"""Stands for "equal", so that means stay finite."""

Progress = Callable[[int, int], None]
"""Called with (done, total)."""


def _silent(done: int, total: int) -> None:
    pass


@dataclass(frozen=True)
class Reference:
    """The PyTorch parts and the cost of their symbols."""

    codec: Codec
    analysis: Runner
    synthesis: Runner
    cost: SymbolCost


@dataclass(frozen=True, eq=False)
class Point:
    """What PyTorch does with one tile at one level; kept compact, because there are many.

    ``z``, ``y`` int8 [1, C, h, w]; ``x_hat`` float16 [1, 3, T, T], fine enough to see 70 dB.
    """

    level: int
    tile: Tile
    anchors: NDArray[np.float32]
    z: NDArray[np.int8]
    y: NDArray[np.int8]
    x_hat: NDArray[np.float16]
    psnr_db: float
    bits: float

    def analysis_inputs(self, geometry: Geometry) -> Arrays:
        """Inputs of ``analysis`` at this point, nothing void."""
        return {"x": to_input(self.tile), "anchors": self.anchors, **masks(geometry, void=False)}

    def synthesis_inputs(self) -> Arrays:
        """Inputs of ``synthesis`` at this point."""
        return {
            "z": self.z.astype(np.float32),
            "y": self.y.astype(np.float32),
            "anchors": self.anchors,
        }


@dataclass(frozen=True)
class Candidate:
    """An artefact to judge, reloaded. ``variant`` says what else there is to know of it."""

    artefact: Artefact
    run: Runner
    checked_with: str
    variant: str = ""


def to_pixels(x: NDArray[np.float32]) -> Tile:
    """``x [1, 3, T, T]`` in 0…1 as the 8-bit picture a user gets (round half up, NaN is 0)."""
    scaled = np.floor(np.nan_to_num(x[0].transpose(1, 2, 0)) * 255 + 0.5)
    return np.asarray(np.clip(scaled, 0, 255), np.uint8)


def psnr_db(a: NDArray[np.generic], b: NDArray[np.generic], peak: float) -> float:
    """Peak signal-to-noise ratio, in dB, at most ``PSNR_CEILING_DB``; NaN stays NaN."""
    mse = float(np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2))
    return PSNR_CEILING_DB if mse < peak**2 * 1e-12 else 10 * float(np.log10(peak**2 / mse))


def masks(geometry: Geometry, *, void: bool) -> Arrays:
    """Everything coded, or as in a tile at the lower right end of an image."""
    found = {}
    for name, side in (("y_mask", geometry.y_side), ("z_mask", geometry.z_side)):
        mask = np.ones((1, 1, side, side), np.float32)
        if void:
            mask[..., (side + 1) // 2 :, :] = 0
            mask[..., (2 * side + 2) // 3 :] = 0
        found[name] = mask
    return found


def check_symbols(found: Arrays, given: Arrays, geometry: Geometry) -> None:
    """Raise ``ConversionError`` unless symbols are integers, within limits, and zero where void.

    This is the contract the coder relies on; no tolerance applies. ``given`` holds the masks.
    """
    for role, limit in (("z", geometry.z_max), ("y", geometry.y_max)):
        symbols = found[role]
        if not np.isfinite(symbols).all() or (symbols != np.rint(symbols)).any():
            raise ConversionError(f"gives {role} that is not an integer")
        if np.abs(symbols).max() > limit:
            raise ConversionError(f"gives {role} of {np.abs(symbols).max():g}, beyond ±{limit}")
        if (symbols * (1 - given[f"{role}_mask"]) != 0).any():
            raise ConversionError(f"gives {role} other than zero where the mask says void")


def observe(
    reference: Reference, tiles: Sequence[Tile], progress: Progress = _silent
) -> tuple[Point, ...]:
    """Run PyTorch on every tile at every anchor: what all candidates are compared with.

    Raises ``ConversionError`` when the codec itself breaks the contract of symbols.
    """
    codec = reference.codec
    levels = anchor_levels(codec.anchor_table)
    _check_void(reference.analysis, codec, tiles[0], f"analysis of {codec.name}")
    points: list[Point] = []
    for level in levels:
        for tile in tiles:
            progress(len(points), len(levels) * len(tiles))
            anchors = codec.anchor_table[level][None]
            given = {
                "x": to_input(tile),
                "anchors": anchors,
                **masks(codec.geometry, void=False),
            }
            found = reference.analysis(given)
            check_symbols(found, given, codec.geometry)
            x_hat = reference.synthesis({**found, "anchors": anchors})["x_hat"]
            points.append(
                Point(
                    level=level,
                    tile=tile,
                    anchors=anchors,
                    z=found["z"].astype(np.int8),
                    y=found["y"].astype(np.int8),
                    x_hat=x_hat.astype(np.float16),
                    psnr_db=psnr_db(to_pixels(x_hat), tile, 255),
                    bits=reference.cost(found["z"], found["y"], level),
                )
            )
    return tuple(points)


def judge(
    candidate: Candidate,
    reference: Reference,
    points: Sequence[Point],
    limits: ParityLimits,
    progress: Progress = _silent,
) -> ArtefactParity:
    """Compare a candidate with PyTorch at every point. A failed limit is reported, not raised."""
    try:
        if candidate.artefact.part == "synthesis":
            synthesis = _judge_synthesis(
                candidate, reference.codec.geometry, points, limits, progress
            )
            failures = synthesis_failures(candidate.artefact, synthesis, limits)
            return _report(candidate, synthesis=synthesis, failures=tuple(failures))
        analysis = _judge_analysis(candidate, reference, points, progress)
        return _report(
            candidate, analysis=analysis, failures=tuple(analysis_failures(analysis, limits))
        )
    except ConversionError as error:
        return _report(candidate, failures=(str(error),))


def _report(
    candidate: Candidate,
    *,
    synthesis: tuple[SynthesisPoint, ...] = (),
    analysis: tuple[AnalysisPoint, ...] = (),
    failures: tuple[str, ...],
) -> ArtefactParity:
    return ArtefactParity(
        artefact=candidate.artefact.key,
        checked_with=candidate.checked_with,
        variant=candidate.variant,
        synthesis=synthesis,
        analysis=analysis,
        failures=failures,
    )


def _by_level(points: Sequence[Point]) -> dict[int, list[Point]]:
    grouped: dict[int, list[Point]] = {}
    for point in points:
        grouped.setdefault(point.level, []).append(point)
    return grouped


def _judge_synthesis(
    candidate: Candidate,
    geometry: Geometry,
    points: Sequence[Point],
    limits: ParityLimits,
    progress: Progress,
) -> tuple[SynthesisPoint, ...]:
    grouped = _by_level(points)
    rates = {
        level: float(np.mean([p.bits for p in group])) / geometry.payload**2
        for level, group in grouped.items()
    }
    judged_up_to = max(limits.judged_up_to_bits_per_pixel, min(rates.values()))
    found, done = [], 0
    for level, group in grouped.items():
        loss, agreement = [], []
        for point in group:
            progress(done, len(points))
            x_hat = candidate.run(point.synthesis_inputs())["x_hat"]
            loss.append(point.psnr_db - psnr_db(to_pixels(x_hat), point.tile, 255))
            agreement.append(psnr_db(x_hat, point.x_hat, 1.0))
            done += 1
        found.append(
            SynthesisPoint(
                level=level,
                bits_per_pixel=rates[level],
                reference_psnr_db=float(np.mean([p.psnr_db for p in group])),
                loss_db=float(np.mean(loss)),
                agreement_db=float(np.min(agreement)),
                judged=rates[level] <= judged_up_to,
            )
        )
    return tuple(found)


def _judge_analysis(
    candidate: Candidate, reference: Reference, points: Sequence[Point], progress: Progress
) -> tuple[AnalysisPoint, ...]:
    codec = reference.codec
    _check_void(candidate.run, codec, points[0].tile, "")
    found, done = [], 0
    for level, group in _by_level(points).items():
        loss, bits, differing = [], 0.0, []
        for point in group:
            progress(done, len(points))
            given = point.analysis_inputs(codec.geometry)
            symbols = candidate.run(given)
            check_symbols(symbols, given, codec.geometry)
            x_hat = reference.synthesis({**symbols, "anchors": point.anchors})["x_hat"]
            loss.append(point.psnr_db - psnr_db(to_pixels(x_hat), point.tile, 255))
            bits += reference.cost(symbols["z"], symbols["y"], level)
            different = (symbols["z"] != point.z).sum() + (symbols["y"] != point.y).sum()
            differing.append(100 * float(different) / (point.z.size + point.y.size))
            done += 1
        base = sum(p.bits for p in group)
        found.append(
            AnalysisPoint(
                level=level,
                bits_per_pixel=base / len(group) / codec.geometry.payload**2,
                bits_change_percent=100 * (bits / base - 1),
                loss_db=float(np.mean(loss)),
                differing_symbols_percent=float(np.mean(differing)),
            )
        )
    return tuple(found)


def _check_void(analysis: Runner, codec: Codec, tile: Tile, who: str) -> None:
    """The contract of symbols on a tile that reaches beyond the image, at the highest rate."""
    level = anchor_levels(codec.anchor_table)[-1]
    given = {
        "x": to_input(tile),
        "anchors": codec.anchor_table[level][None],
        **masks(codec.geometry, void=True),
    }
    try:
        check_symbols(analysis(given), given, codec.geometry)
    except ConversionError as error:
        raise ConversionError(f"{who} {error}".strip()) from error
