"""Headroom and placement: what is known without a device, said as such."""

from __future__ import annotations

import numpy as np
import outside_codec
import pytest
from outside_codec import DctHyperprior
from small_pico import PicoArtefacts

from converters.convert import Conversion
from converters.export import ExportedPart, export_part
from converters.headroom import ANE_ACCUMULATOR_MAX, FP16_MAX, HeadroomReport, measure_headroom
from converters.nnapi import FEATURE_LEVELS, nnapi_level
from converters.placement import place
from converters.proof import prove_entropy
from converters.quiet import quiet
from converters.tflite_model import TfliteModel
from pico_deploy.conformance.thresholds import thresholds
from pico_deploy.entropy.errors import OverflowProofError
from pico_deploy.entropy.model import EntropyModel, Layer


def exported(codec: DctHyperprior) -> ExportedPart:
    with quiet():
        return export_part(codec, codec.parts("crd"), "synthesis", "nchw")


def headroom(codec: DctHyperprior, value: float) -> HeadroomReport:
    geometry = codec.geometry
    sample = {
        "z": np.zeros((1, geometry.z_channels, 2, 2), np.float32),
        "y": np.full((1, geometry.y_channels, 8, 8), value, np.float32),
        "anchors": codec.anchor_table[0][None],
    }
    limits = thresholds().headroom
    return measure_headroom([exported(codec)], {"synthesis": [sample]}, 1, (0,), limits)


def test_headroom_reports_the_largest_value_and_bounds_every_partial_sum() -> None:
    report = headroom(outside_codec.make(), 4.0)
    conv = next(layer for layer in report.layers if layer.operation == "conv_transpose2d")
    basis = outside_codec.dct_basis()
    # y / gain = 2 everywhere: every output is 0.5 + 2 · the sum of its basis functions.
    assert conv.largest == pytest.approx(float((0.5 + 2 * basis.sum(0)).abs().max()), rel=1e-4)
    assert conv.accumulator_bound == pytest.approx(
        float((0.5 + 2 * basis.abs().sum(0)).max()), rel=1e-4
    )
    assert report.worst == ()


def test_a_layer_that_leaves_the_range_is_named() -> None:
    codec = outside_codec.make()
    near = DctHyperprior(codec.basis * 7000, codec.gains)
    over = DctHyperprior(codec.basis * 1e5, codec.gains)
    for changed, verdict in ((near, "near"), (over, "over")):
        worst = headroom(changed, 4.0).worst
        assert (worst[0].operation, worst[0].verdict) == ("conv_transpose2d", verdict)
    assert float(np.finfo(np.float16).max) == FP16_MAX and ANE_ACCUMULATOR_MAX == 32768


def test_a_nan_has_no_headroom() -> None:
    codec = outside_codec.make()
    broken = DctHyperprior(codec.basis * float("nan"), codec.gains)
    assert headroom(broken, 4.0).worst


def test_headroom_of_a_conversion_covers_both_parts_at_the_extreme_anchors(
    outside: Conversion,
) -> None:
    assert {layer.part for layer in outside.headroom.layers} == {"analysis", "synthesis"}
    assert outside.headroom.levels == (0, 10) and outside.headroom.tiles == 6


def test_every_operator_of_every_artefact_gets_a_place(pico: PicoArtefacts) -> None:
    with quiet():
        report = place(pico.converted.artefacts, pico.folder)
    assert report.provenance == "estimated"
    assert {a.artefact for a in report.artefacts} == {a.key for a in pico.converted.artefacts}
    for artefact in report.artefacts:
        assert sum(o.count for o in artefact.operators) == artefact.operators_total, artefact
        taken = sum(o.count for o in artefact.operators if not o.reason)
        assert taken == artefact.operators_taken
        assert artefact.source


def test_onnx_pixel_shuffles_in_pytorch_order_are_not_promised_to_nnapi(
    pico: PicoArtefacts,
) -> None:
    with quiet():
        report = place(pico.converted.artefacts, pico.folder)
    places = {
        a.accelerator.split()[2]: {o.place for o in a.operators if o.operator == "DepthToSpace"}
        for a in report.artefacts
        if a.artefact == "onnx/synthesis/fp32"
    }
    assert places == {"NNAPI": {"CPU"}, "CoreML": {"CoreML"}}


def test_nnapi_takes_more_with_every_level_and_says_what_it_waits_for(
    pico: PicoArtefacts,
) -> None:
    with quiet():
        report = place(pico.converted.artefacts, pico.folder)
    found = [a for a in report.artefacts if a.artefact == "tflite/analysis/fp32"]
    taken = [a.operators_taken for a in found]
    assert len(found) == len(FEATURE_LEVELS) and taken == sorted(taken)
    assert taken[-1] == found[-1].operators_total and found[-1].partitions == 1
    waiting = {o.operator: o.reason for o in found[0].operators if o.place == "CPU"}
    assert waiting["EXP"] == "since level 29" and waiting["DIV"] == "since level 28"


def test_nnapi_refuses_what_its_rules_refuse(pico: PicoArtefacts) -> None:
    source = pico.converted.int8_source
    assert source is not None
    model = TfliteModel(source.lowered)  # not yet fused: rank 6 is still in it
    kinds = {}
    for operator in model.graph.operators:
        kinds.setdefault(model.op_name(operator), operator)
    assert nnapi_level(model, kinds["TRANSPOSE"]) is None, "rank 6"
    assert nnapi_level(model, kinds["RELU_0_TO_1"]) is None, "no such operator"
    assert nnapi_level(model, kinds["CONV_2D"]) == (27, "since level 27")
    kinds["CONV_2D"].inputs = kinds["CONV_2D"].inputs[:2]
    assert nnapi_level(model, kinds["CONV_2D"]) is None, "a convolution needs its bias"


def test_the_neural_engine_is_not_promised_tensors_of_rank_five(pico: PicoArtefacts) -> None:
    with quiet():
        report = place(pico.converted.artefacts, pico.folder)
    (found,) = (a for a in report.artefacts if a.artefact == "coreml/synthesis/fp16")
    elsewhere = [o for o in found.operators if o.reason]
    assert elsewhere and all("rank 5" in o.reason for o in elsewhere)
    assert 0 < found.operators_taken < found.operators_total


def test_the_proof_report_bounds_every_layer_and_fails_on_a_planted_overflow() -> None:
    model = outside_codec.make().entropy_model
    (layer,) = prove_entropy(model).layers
    assert layer.accumulator_bound == 2 * 31 and layer.accumulator_headroom_bits > 20
    (good,) = model.layers
    bad = Layer(**{**vars(good), "multiplier": np.full_like(good.multiplier, 2**31 - 1)})
    planted = EntropyModel(
        model.geometry, (bad,), model.fraction_bits, model.y_tables, model.z_tables
    )
    with pytest.raises(OverflowProofError):
        prove_entropy(planted)
