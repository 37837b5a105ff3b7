"""Noise on everything an accelerator may get wrong moves pixels, and never a symbol."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from float_indices import float_indices

from pico_deploy.conformance.drift import SITES, Picture, drift
from pico_deploy.conformance.drift_report import DriftReport, plot, table
from pico_deploy.conformance.images import photo_like
from pico_deploy.conformance.thresholds import thresholds
from pico_deploy.errors import UsageError, VerificationError
from pico_deploy.runtime.backend import BackendOptions
from pico_deploy.runtime.session import Session

MODEL = Path(__file__).resolve().parents[2] / "conformance/model"
OPTIONS = BackendOptions(threads=1, weights=MODEL / "conformance.safetensors")
PICTURE = Picture("photo-like", photo_like(100, 120), 40)
NOISES = (2.0**-12, 2.0**-6)


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session.open(MODEL / "bundle") as opened:
        yield opened


@pytest.fixture(scope="module")
def report(session: Session) -> DriftReport:
    return drift(session, (PICTURE,), OPTIONS, noises=NOISES)


def test_no_symbol_moves_under_any_noise(report: DriftReport) -> None:
    assert len(report.points) == len(SITES) * len(NOISES)
    assert len(report.coders) >= 2
    assert report.moved_symbols == 0
    report.require()


def test_pixels_move_with_the_noise_at_every_site(report: DriftReport) -> None:
    for site in report.sites:
        little, much = (report.worst(site, noise) for noise in NOISES)
        assert much.rms > little.rms, site
    assert report.worst("everything", NOISES[1]).rms >= report.worst("q", NOISES[1]).rms


def test_noise_in_the_encoder_costs_quality_and_not_decodability(report: DriftReport) -> None:
    quiet, noisy = (report.worst("everything", noise) for noise in NOISES)
    assert quiet.symbols_sha256 != noisy.symbols_sha256
    assert noisy.quality_psnr_db > quiet.quality_psnr_db - 3


def test_control_indices_from_a_disturbed_float_tensor_move_symbols(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = drift(
        session,
        (PICTURE,),
        OPTIONS,
        sites=("mu",),
        noises=NOISES[:1],
        coders=float_indices(0.6)(session.bundle.entropy_bin()),
    )
    assert found.moved_symbols > 0
    with pytest.raises(VerificationError, match="symbols of photo-like moved"):
        found.require()


def test_table_and_plot_show_every_site(report: DriftReport) -> None:
    lines = table(report).splitlines()
    assert len(lines) == 2 + len(NOISES)
    assert all(site in lines[0] for site in SITES)
    assert lines[-1].endswith("| 0 |")
    assert plot(report, thresholds()).startswith(b"\x89PNG")


def test_a_codec_with_other_insides_is_refused(session: Session) -> None:
    import torch

    from pico_deploy.conformance.drift import _modules

    with pytest.raises(UsageError, match="not in this codec"):
        _modules(torch.nn.Sequential(torch.nn.ReLU()), "mu")
