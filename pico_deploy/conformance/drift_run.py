"""The drift test of a bundle, from its path to the files of a report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pico_deploy.conformance.drift import Picture, drift
from pico_deploy.conformance.drift_report import DriftReport, plot, table
from pico_deploy.conformance.images import noise, photo_like, text_like
from pico_deploy.conformance.levels import anchor_levels
from pico_deploy.conformance.thresholds import thresholds
from pico_deploy.outputs import make_folder, write_bytes
from pico_deploy.runtime.backend import BackendOptions
from pico_deploy.runtime.session import Session


def measure_drift(
    bundle: Path,
    options: BackendOptions,
    folder: Path,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> DriftReport:
    """Disturb a photo, a text and noise, each at an anchor level of its own; write ``drift.json``,
    ``drift.md`` and ``drift.png`` into ``folder``.

    Raises what :func:`~pico_deploy.conformance.drift.drift` raises, and ``OutputError``.
    """
    make_folder(folder)  # now, not when the rounds are done
    with Session.open(bundle) as session:
        levels = anchor_levels(session.manifest)
        side = session.model.tile * 3 // 2
        pictures = (
            Picture("photo-like", photo_like(side, side), levels[len(levels) // 2]),
            Picture("text-like", text_like(side, side), levels[-1]),
            Picture("noise", noise(side, side), levels[0]),
        )
        report = drift(session, pictures, options, progress=progress)
    write_bytes(folder / "drift.json", report.model_dump_json(indent=1).encode() + b"\n")
    write_bytes(folder / "drift.md", table(report).encode())
    write_bytes(folder / "drift.png", plot(report, thresholds()))
    return report
