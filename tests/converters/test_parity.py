"""The gates let a faithful conversion pass, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import outside_codec
import pytest
from numpy.typing import NDArray
from outside_codec import DctHyperprior

from converters.bits import SymbolCost, value_bits
from converters.convert import core_scale_indices
from converters.export import export_part
from converters.onnx import convert_onnx
from converters.parity import (
    Candidate,
    Point,
    Reference,
    check_symbols,
    judge,
    masks,
    observe,
    psnr_db,
)
from converters.parity_report import ArtefactParity, ParityReport
from converters.quiet import quiet
from converters.runners import Arrays, Runner, open_runner, torch_runner
from converters.tiles import load_tiles
from pico_deploy import _core
from pico_deploy.bundle import Artefact
from pico_deploy.bundle.manifest import PartName
from pico_deploy.conformance.thresholds import thresholds
from pico_deploy.entropy.gaussian import gaussian_table
from pico_deploy.entropy.levels import anchor_levels
from pico_deploy.entropy.serialise import to_bytes
from pico_deploy.errors import ConversionError

LIMITS = thresholds().parity


@pytest.fixture(scope="module")
def codec() -> DctHyperprior:
    return outside_codec.make()


@pytest.fixture(scope="module")
def reference(codec: DctHyperprior) -> Reference:
    parts = codec.parts("crd")
    return Reference(
        codec,
        torch_runner(parts.analysis, "analysis"),
        torch_runner(parts.synthesis, "synthesis"),
        SymbolCost(codec.entropy_model, core_scale_indices(to_bytes(codec.entropy_model))),
    )


@pytest.fixture(scope="module")
def points(reference: Reference) -> tuple[Point, ...]:
    return observe(reference, load_tiles(reference.codec.geometry.tile)[:3])


def entry(part: PartName, codec: DctHyperprior) -> Artefact:
    with quiet():
        exported = export_part(codec, codec.parts("crd"), part, "nchw")
    return exported.artefact("onnx", "fp32", f"onnx/{part}.onnx", "float32")


def verdict(
    part: PartName, run: Runner, reference: Reference, points: tuple[Point, ...]
) -> ArtefactParity:
    codec = reference.codec
    assert isinstance(codec, DctHyperprior)
    return judge(Candidate(entry(part, codec), run, "test"), reference, points, LIMITS)


def test_pytorch_passes_its_own_gates(reference: Reference, points: tuple[Point, ...]) -> None:
    for part, run in (("analysis", reference.analysis), ("synthesis", reference.synthesis)):
        assert verdict(part, run, reference, points).failures == ()  # type: ignore[arg-type]


def test_an_artefact_with_one_wrong_weight_fails_and_conversion_raises(
    codec: DctHyperprior, reference: Reference, points: tuple[Point, ...], tmp_path: Path
) -> None:
    basis = codec.basis.clone()
    basis[0, 0] *= 1.2  # the mean of red, a fifth too strong
    wrong = DctHyperprior(basis, codec.gains)
    reports = []
    for part in ("analysis", "synthesis"):
        with quiet():
            made = convert_onnx(export_part(wrong, wrong.parts("crd"), part, "nchw"), tmp_path)  # type: ignore[arg-type]
            run = open_runner(made, tmp_path)
        reports.append(judge(Candidate(made, run, "test"), reference, points, LIMITS))
        assert reports[-1].failures, part
    report = ParityReport(
        codec=codec.name,
        tiles=3,
        thresholds_sha256=thresholds().sha256,
        limits=LIMITS,
        artefacts=tuple(reports),
    )
    with pytest.raises(ConversionError, match=r"onnx/analysis/fp32 .*onnx/synthesis/fp32"):
        report.raise_on_failure()
    kept_out = [a.model_copy(update={"shipped": False}) for a in report.artefacts]
    report.model_copy(update={"artefacts": tuple(kept_out)}).raise_on_failure()


def noisy(run: Runner, sigma: float) -> Runner:
    rng = np.random.default_rng(0)

    def run_noisily(inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        x_hat = run(inputs)["x_hat"]
        return {"x_hat": x_hat + rng.normal(0, sigma, x_hat.shape).astype(np.float32)}

    return run_noisily


def test_pixels_far_from_pytorch_fail_even_above_the_judged_rate(
    reference: Reference, points: tuple[Point, ...]
) -> None:
    sigma_of_30_db = 10 ** (-30 / 20)
    found = verdict("synthesis", noisy(reference.synthesis, sigma_of_30_db), reference, points)
    unjudged = [p for p in found.synthesis if not p.judged]
    assert unjudged and all(p.agreement_db < LIMITS.sanity_floor_db for p in unjudged)
    assert any(f"level {unjudged[-1].level} " in failure for failure in found.failures)


def test_the_anchor_of_the_lowest_rate_is_always_judged(
    reference: Reference, points: tuple[Point, ...]
) -> None:
    strict = LIMITS.model_copy(update={"judged_up_to_bits_per_pixel": 1e-6})
    codec = reference.codec
    assert isinstance(codec, DctHyperprior)
    candidate = Candidate(entry("synthesis", codec), reference.synthesis, "test")
    found = judge(candidate, reference, points, strict)
    assert [p.judged for p in found.synthesis] == [True, False, False]


def test_dearer_symbols_fail_the_gate_of_analysis(
    reference: Reference, points: tuple[Point, ...]
) -> None:
    def wasteful(inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        found = reference.analysis(inputs)
        y = found["y"].copy()
        y[:, -1] = np.where(inputs["y_mask"][:, 0] > 0, 3, 0)  # one channel of noise
        return {"z": found["z"], "y": y}

    found = verdict("analysis", wasteful, reference, points)
    assert found.analysis[0].bits_change_percent > LIMITS.analysis_bits_percent
    assert found.analysis[0].differing_symbols_percent > 0
    assert any("more bits" in failure for failure in found.failures)


def test_a_nan_fails_every_gate(reference: Reference, points: tuple[Point, ...]) -> None:
    def nan_pixels(inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        return {"x_hat": reference.synthesis(inputs)["x_hat"] * np.float32("nan")}

    def nan_symbols(inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        found = reference.analysis(inputs)
        return {"z": found["z"], "y": found["y"] * np.float32("nan")}

    assert verdict("synthesis", nan_pixels, reference, points).failures
    assert verdict("analysis", nan_symbols, reference, points).failures


@pytest.mark.parametrize(
    ("role", "value", "message"),
    [
        ("y", 0.5, "not an integer"),
        ("z", 32.0, "beyond"),
        ("y", np.inf, "not an integer"),
    ],
)
def test_a_symbol_that_breaks_the_contract_is_refused(
    reference: Reference, points: tuple[Point, ...], role: str, value: float, message: str
) -> None:
    geometry = reference.codec.geometry
    given = points[0].analysis_inputs(geometry)
    found = {k: v.copy() for k, v in reference.analysis(given).items()}
    check_symbols(found, given, geometry)
    found[role][0, 0, 0, 0] = value
    with pytest.raises(ConversionError, match=message):
        check_symbols(found, given, geometry)


def test_a_symbol_where_the_mask_says_void_is_refused(
    reference: Reference, points: tuple[Point, ...]
) -> None:
    def deaf_to_masks(inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        return reference.analysis({**inputs, **masks(reference.codec.geometry, void=False)})

    found = verdict("analysis", deaf_to_masks, reference, points)
    assert found.failures and "void" in found.failures[0]


def test_the_cost_of_symbols_is_what_the_coder_takes(
    reference: Reference, points: tuple[Point, ...]
) -> None:
    codec = reference.codec
    model = _core.Model(to_bytes(codec.entropy_model))
    for point in points:
        side = codec.geometry.payload
        encoder = _core.Encoder(model, side, side, point.level, bytes(8), lanes=4, skip=0)
        coded = encoder.encode_group(0, point.z, point.y)
        # A stream carries lengths, final states and a checksum besides the symbols.
        assert abs(coded - point.bits / 8) < 48 + 0.002 * coded


def test_an_escape_costs_its_table_entry_and_a_byte() -> None:
    table = gaussian_table(1.0)
    cost = value_bits(table)
    assert cost[128] == pytest.approx(12 - np.log2(table[0]))
    assert cost[128 - 1] == pytest.approx(12 - np.log2(table[1]))
    assert cost[128 + 100] == pytest.approx(12 - np.log2(table[-1]) + 8)


def test_levels_of_the_gates_are_those_of_the_anchors(codec: DctHyperprior) -> None:
    assert anchor_levels(codec.anchor_table) == (0, 5, 10)


def test_psnr_of_equal_pictures_is_the_ceiling_and_of_nan_is_nan() -> None:
    picture = np.full((1, 3, 4, 4), 0.25, np.float32)
    assert psnr_db(picture, picture, 1.0) == 120
    assert psnr_db(picture, picture + np.float32(0.1), 1.0) == pytest.approx(20, abs=0.01)
    assert np.isnan(psnr_db(picture * np.float32("nan"), picture, 1.0))


def test_a_codec_whose_own_symbols_break_the_contract_is_refused(reference: Reference) -> None:
    def fractional(inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        return {k: v + np.float32(0.25) for k, v in reference.analysis(inputs).items()}

    broken = Reference(reference.codec, fractional, reference.synthesis, reference.cost)
    with pytest.raises(ConversionError, match="analysis of dct-hyperprior"):
        observe(broken, load_tiles(reference.codec.geometry.tile)[:1])
