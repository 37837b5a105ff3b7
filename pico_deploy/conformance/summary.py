"""A verification as rows of text: one line for each implementation and each pair of runtimes."""

from __future__ import annotations

from collections.abc import Sequence

from pico_deploy.conformance.thresholds import Thresholds
from pico_deploy.conformance.vector_run import VectorRun
from pico_deploy.conformance.verification import Check, Verification

EXACT = ("implementation", "symbols", "streams coded again", "first difference")
VECTORS = ("implementation", "exact", "first difference")
VECTOR_PIXELS = ("decoder", "class", "vectors", "peak", "RMS", "PSNR dB", "verdict")
PIXELS = ("encoder → decoder", "class", "images", "peak", "RMS", "PSNR dB", "verdict")


def exact_rows(found: Verification) -> list[list[str]]:
    """How many streams each implementation decodes, and codes again, exactly."""
    rows = []
    for by in dict.fromkeys(c.by for c in found.checks if c.kind != "pixels"):
        own = [c for c in found.checks if c.by == by and c.kind != "pixels"]
        differences = [c.difference for c in own if c.difference]
        cells = [_passed([c for c in own if c.kind == kind]) for kind in ("symbols", "stream")]
        rows.append([by, *cells, differences[0] if differences else ""])
    return rows


def pixel_rows(found: Verification) -> list[list[str]]:
    """The worst figures of every pair of an encoder and a decoder, by tolerance class."""
    pixels = [c for c in found.checks if c.kind == "pixels"]
    rows = []
    for pair in dict.fromkeys((c.encoder, c.by, c.tolerance) for c in pixels):
        own = [c for c in pixels if (c.encoder, c.by, c.tolerance) == pair]
        psnr = [c.psnr_db for c in own if c.psnr_db is not None]
        failed = [c for c in own if not c.passed]
        verdict = f"{failed[0].image}: {failed[0].difference}" if failed else "within tolerance"
        rows.append(
            [
                f"{pair[0]} → {pair[1]}",
                str(pair[2]),
                str(len(own)),
                str(max(c.peak or 0 for c in own)),
                f"{max(c.rms or 0 for c in own):.3f}",
                f"{min(psnr):.2f}" if psnr else "equal",
                verdict,
            ]
        )
    return rows


def verdict_line(found: Verification) -> str:
    """One line for people."""
    counted = f"{len(found.checks)} checks on {len(found.streams)} streams"
    left = f", {len(found.not_run)} not run" if found.not_run else ""
    outcome = "passed" if found.passed else f"{len(found.failed)} FAILED"
    return f"{counted}: {outcome}{left}"


def vector_rows(run: VectorRun) -> list[list[str]]:
    """How many vectors of a set each implementation gets exactly."""
    rows = []
    for name in run.implementations:
        own = [v for v in run.verdicts if v.by == name]
        wrong = [v for v in own if v.verdict != "exact"]
        first = f"{wrong[0].vector}: {wrong[0].found}" if wrong else ""
        rows.append([name, f"{len(own) - len(wrong)} of {len(own)}", first])
    return rows


def vector_pixels(run: VectorRun) -> list[list[str]]:
    """The worst figures of every runtime over the vectors that have reference pixels."""
    rows = []
    for key in dict.fromkeys((p.by, p.tolerance) for p in run.pixels):
        own = [p for p in run.pixels if (p.by, p.tolerance) == key]
        failed = [p for p in own if not p.passed]
        psnr = [p.psnr_db for p in own if p.psnr_db is not None]
        rows.append(
            [
                *key,
                str(len(own)),
                str(max(p.peak for p in own)),
                f"{max(p.rms for p in own):.3f}",
                f"{min(psnr):.2f}" if psnr else "equal",
                f"{failed[0].vector}: {failed[0].difference}" if failed else "within tolerance",
            ]
        )
    return rows


def run_line(run: VectorRun) -> str:
    """One line for people."""
    total = len(run.verdicts) + len(run.pixels)
    left = f", {len(run.not_run)} not run" if run.not_run else ""
    outcome = "passed" if run.passed else f"{len(run.failures)} FAILED"
    return f"vector set {run.set}, {total} verdicts: {outcome}{left}"


def _passed(checks: Sequence[Check]) -> str:
    return f"{sum(c.passed for c in checks)} of {len(checks)}" if checks else "–"


def tolerance_table(limits: Thresholds) -> str:
    """The tolerance classes as the Markdown table of docs/conformance.md."""
    lines = ["| class | largest peak | largest RMS | smallest PSNR |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {limit.peak} | {limit.rms:g} | {limit.psnr_db:g} dB |"
        for name, limit in limits.pixels.items()
    ]
    return "\n".join(lines)
