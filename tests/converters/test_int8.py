"""Static int8: symbols stay exact, the recipe is honest, the gate decides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_pico import PicoArtefacts

from converters import int8
from converters.dependencies import load
from converters.formats import SYMBOLS, Int8Source
from converters.int8 import (
    Recipe,
    assert_exact_symbols,
    branches_from,
    calibrate,
    everything_from,
    quantise,
    recipes,
)
from converters.parity import psnr_db
from converters.quiet import quiet
from converters.runners import open_runner, torch_runner
from converters.tflite import finish
from converters.tflite_model import TfliteModel
from pico_deploy.errors import ConversionError

Y_SIDE = 8


@pytest.fixture(scope="module")
def source(pico: PicoArtefacts) -> Int8Source:
    found = pico.converted.int8_source
    assert found is not None
    return found


@pytest.fixture(scope="module")
def ranges(pico: PicoArtefacts, source: Int8Source) -> int8.Ranges:
    rng = np.random.default_rng(0)
    samples = [
        {
            "z": np.rint(rng.normal(0, 3, (1, 2, 2, 8))),
            "y": np.rint(rng.normal(0, 3, (1, 8, 8, 12))),
            "anchors": pico.codec.anchor_table[level][None],
        }
        for level in (0, 35, 70)
    ]
    with quiet():
        return calibrate(source.lowered, samples)


def named(source: Int8Source, name: str) -> Recipe:
    (found,) = (r for r in recipes(source.lowered, SYMBOLS, Y_SIDE) if r.name == name)
    return found


def test_recipes_run_from_most_to_least_int8(source: Int8Source, ranges: int8.Ranges) -> None:
    found = recipes(source.lowered, SYMBOLS, Y_SIDE)
    sides = (8, 16, 32)
    assert {r.name for r in found} == {
        f"{rule} from {s}×{s}" for rule in ("int8", "int8 branches") for s in sides
    }
    with quiet():
        shares = [
            quantise(source.lowered, ranges, SYMBOLS, recipe)[1].int8_share_of_macs_percent
            for recipe in found
        ]
    assert shares == sorted(shares, reverse=True)


def test_no_operator_that_reads_a_symbol_becomes_int8(source: Int8Source) -> None:
    model = TfliteModel(source.lowered)
    chosen = everything_from(model, SYMBOLS, 1)
    inputs = {model.graph.tensors[int(t)].name.decode(): int(t) for t in model.graph.inputs}
    readers = model.consumers()[inputs["z"]] + model.consumers()[inputs["y"]]
    assert readers and not chosen & set(readers)
    # The control: with no input named as a symbol, the rule does take one of them.
    assert everything_from(model, (), 1) & set(readers)


def test_branches_are_the_convolutions_between_the_operands_of_a_sum(source: Int8Source) -> None:
    model = TfliteModel(source.lowered)
    chosen = branches_from(model, SYMBOLS, Y_SIDE)
    # Three resolutions, one block of three convolutions each.
    assert len(chosen) == 9
    assert {model.op_name(model.graph.operators[n]) for n in chosen} == {"CONV_2D"}
    producers, consumers = model.producers(), model.consumers()
    for number in chosen:
        result = int(model.graph.operators[number].outputs[0])
        (reader,) = consumers[result]
        if reader not in chosen:
            assert model.op_name(model.graph.operators[reader]) == "ADD"
            operands = model.runtime_inputs(model.graph.operators[reader])
            assert {producers[t] in chosen for t in operands} == {True, False}


def test_the_division_by_q_and_the_context_model_stay_float(
    source: Int8Source, ranges: int8.Ranges
) -> None:
    with quiet():
        data, summary = quantise(source.lowered, ranges, SYMBOLS, named(source, "int8 from 8×8"))
    model = TfliteModel(finish(data, "int8"))
    for operator in model.graph.operators:
        kinds = {model.dtype(t) for t in model.runtime_inputs(operator)}
        if model.op_name(operator) in ("EXP", "CONCATENATION", "SPACE_TO_DEPTH", "MAXIMUM"):
            assert kinds == {"float32"}
    convolutions = [o for o in model.graph.operators if model.op_name(o) == "CONV_2D"]
    int8_ones = [o for o in convolutions if model.dtype(int(o.outputs[0])) == "int8"]
    assert len(int8_ones) >= 10
    assert 60 < summary.int8_share_of_macs_percent < 100
    assert summary.boundaries == sum(
        model.op_name(o) in ("QUANTIZE", "DEQUANTIZE") and bool(model.runtime_inputs(o))
        for o in model.graph.operators
    )


def test_a_float_trunk_is_what_saves_the_pixels(
    source: Int8Source, ranges: int8.Ranges, pico: PicoArtefacts, tmp_path: Path
) -> None:
    """Trunks of trained networks have long tails: here they are planted in the ranges."""
    given = {
        "z": np.zeros((1, 8, 2, 2), np.float32),
        "y": np.rint(np.random.default_rng(1).normal(0, 2, (1, 12, 8, 8))).astype(np.float32),
        "anchors": pico.codec.anchor_table[35][None],
    }
    stretched = {
        name: {k: v * (20 if name.endswith(("ADD", "MUL")) else 1) for k, v in extremes.items()}
        for name, extremes in ranges.items()
    }
    exact = torch_runner(pico.parts.synthesis, "synthesis")(given)["x_hat"]
    agreement = []
    for name in ("int8 from 8×8", "int8 branches from 8×8"):
        with quiet():
            data, _ = quantise(source.lowered, stretched, SYMBOLS, named(source, name))
            (tmp_path / "q.tflite").write_bytes(finish(data, "int8"))
            entry = source.exported.artefact("tflite", "int8", "q.tflite", "float32")
            found = open_runner(entry, tmp_path)(given)["x_hat"]
        agreement.append(psnr_db(found, exact, 1.0))
    assert agreement[1] > agreement[0] + 3


def test_quantising_everything_is_refused_because_symbols_would_be_rounded(
    source: Int8Source, ranges: int8.Ranges
) -> None:
    """The control: what the quantiser does by default breaks the contract, and is seen."""
    quantizer = load("ai_edge_quantizer.quantizer", "tflite").Quantizer(source.lowered)
    quantizer.add_static_config(
        regex=".*", operation_name="*", activation_num_bits=8, weight_num_bits=8
    )
    with quiet():
        result = quantizer.quantize(ranges, enable_progress_report=False)
    with pytest.raises(ConversionError, match="symbols z become int8"):
        assert_exact_symbols(bytes(result.quantized_model), SYMBOLS)


def test_int8_symbols_of_scale_one_are_accepted_and_of_any_other_refused(
    source: Int8Source,
) -> None:
    for scale, accepted in ((1.0, True), (0.5, False)):
        model = TfliteModel(source.lowered)
        by_name = {t.name.decode(): t for t in model.graph.tensors}
        # y alone: the tensors that only move it would have to follow.
        model.graph.operators = []
        tensor = by_name["y"]
        tensor.type = model.schema.TensorType.INT8
        tensor.quantization = model.schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [0]
        if accepted:
            assert_exact_symbols(model.to_bytes(), SYMBOLS)
        else:
            with pytest.raises(ConversionError, match="scale 1"):
                assert_exact_symbols(model.to_bytes(), SYMBOLS)


def test_calibration_keeps_the_extremes_of_all_samples(
    source: Int8Source, ranges: int8.Ranges, pico: PicoArtefacts
) -> None:
    shape = {"z": (1, 2, 2, 8), "y": (1, 8, 8, 12)}
    quiet_sample = {
        **{k: np.zeros(v) for k, v in shape.items()},
        "anchors": pico.codec.anchor_table[0][None],
    }
    loud = {**quiet_sample, "y": np.full(shape["y"], 50.0)}
    with quiet():
        one = calibrate(source.lowered, [loud, quiet_sample])
        other = calibrate(source.lowered, [quiet_sample, loud])
    assert one["y"]["max"].item() == 50
    assert all(one[k]["max"] == other[k]["max"] for k in one), "order must not matter"


def test_a_recipe_that_takes_nothing_is_an_error(source: Int8Source, ranges: int8.Ranges) -> None:
    with pytest.raises(ConversionError, match="no operator"):
        quantise(source.lowered, ranges, SYMBOLS, Recipe("none", frozenset()))
