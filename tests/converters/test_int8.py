"""Static int8: symbols stay exact, the recipe is honest, the gate decides."""

from __future__ import annotations

import numpy as np
import pytest
from small_pico import PicoArtefacts

from converters import int8
from converters.dependencies import load
from converters.formats import SYMBOLS, Int8Source
from converters.int8 import Recipe, assert_exact_symbols, calibrate, quantise, recipes, region
from converters.quiet import quiet
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


def test_recipes_run_from_most_to_least_int8(source: Int8Source) -> None:
    model = TfliteModel(source.lowered)
    found = recipes(source.lowered, SYMBOLS, Y_SIDE)
    sizes = [len(region(model, SYMBOLS, r)) for r in found]
    assert found[0] == Recipe(Y_SIDE, Y_SIDE)
    assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) == len(sizes) >= 3


def test_no_operator_that_reads_a_symbol_becomes_int8(source: Int8Source) -> None:
    model = TfliteModel(source.lowered)
    chosen = region(model, SYMBOLS, Recipe(1, 1))
    inputs = {model.graph.tensors[int(t)].name.decode(): int(t) for t in model.graph.inputs}
    # Two steps suffice to see it: y is moved (split into its grid), then multiplied by q.
    readers = model.consumers()[inputs["z"]] + model.consumers()[inputs["y"]]
    assert readers and not chosen & set(readers)
    # The control: with no input named as a symbol, the rule does take one of them.
    assert region(model, (), Recipe(1, 1)) & set(readers)


def test_the_division_by_q_and_the_context_model_stay_float(
    source: Int8Source, ranges: int8.Ranges
) -> None:
    with quiet():
        data, summary = quantise(source.lowered, ranges, SYMBOLS, Recipe(Y_SIDE, Y_SIDE))
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


def test_a_float_trunk_costs_boundaries_and_no_convolutions(
    source: Int8Source, ranges: int8.Ranges
) -> None:
    with quiet():
        _, dense = quantise(source.lowered, ranges, SYMBOLS, Recipe(Y_SIDE, Y_SIDE))
        _, trunk = quantise(source.lowered, ranges, SYMBOLS, Recipe(Y_SIDE, 2 * Y_SIDE))
    assert trunk.int8_share_of_macs_percent == dense.int8_share_of_macs_percent
    assert trunk.boundaries > dense.boundaries


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
        quantise(source.lowered, ranges, SYMBOLS, Recipe(4096, 4096))
