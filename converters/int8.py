"""Static int8 of ``synthesis`` for TFLite, by a mixed recipe: symbols do not survive int8.

Nor does the trunk of a residual network, always: its values have long tails, so that one int8 step
of it outweighs the quantisation of a good picture, while the branches that are added to it hardly
notice. What comes before the high-resolution end (the symbols, the context model, the latent) stays
float32 in every recipe. :func:`recipes` lists them from most to least int8, and the gate of
``parity`` picks the first that holds.

The rules know no codec: they read shapes and dataflow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from converters.dependencies import load
from converters.tflite_model import TfliteModel, carriers, movement_only
from pico_deploy.errors import ConversionError

Ranges = dict[str, dict[str, NDArray[np.float32]]]
"""Tensor name → smallest and largest value seen, as ai-edge-quantizer wants them."""

# Kinds with int8 kernels in the reference, XNNPACK and NNAPI alike; whatever else occurs stays
# float.
_CONVOLUTIONS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV"})
_ELEMENTWISE = frozenset({"ADD", "MUL", "RELU", "SUB"})
_QUANTISER_NAMES = {"TRANSPOSE_CONV": "CONV_2D_TRANSPOSE"}


@dataclass(frozen=True)
class Recipe:
    """Which operators of a lowered model are int8, by number, and what to call that."""

    name: str
    operators: frozenset[int]


class Int8Summary(BaseModel):
    """What the shipped int8 file is made of."""

    model_config = ConfigDict(frozen=True)

    recipe: str
    int8_operators: int
    float_operators: int
    boundaries: int
    int8_share_of_macs_percent: float


def calibrate(lowered: bytes, samples: Iterable[Mapping[str, NDArray[Any]]]) -> Ranges:
    """Range of every computed tensor over ``samples`` (NHWC arrays by input name).

    The extremes over all samples: the quantiser's own calibration averages them, so a range would
    depend on the order of the samples and rare high values would be cut off.
    """
    interpreter = load("ai_edge_litert.interpreter", "tflite").Interpreter(
        model_content=lowered, experimental_preserve_all_tensors=True, num_threads=2
    )
    interpreter.allocate_tensors()
    inputs = {d["name"]: d["index"] for d in interpreter.get_input_details()}
    computed = [
        (d["name"], d["index"])
        for d in interpreter.get_tensor_details()
        if d["dtype"] == np.float32 and d["name"] and _is_computed(d["name"], inputs)
    ]
    ranges: Ranges = {}
    for sample in samples:
        for name, index in inputs.items():
            interpreter.set_tensor(index, np.ascontiguousarray(sample[name], np.float32))
        interpreter.invoke()
        for name, index in computed:
            value = interpreter.get_tensor(index)
            low, high = float(value.min()), float(value.max())
            seen = ranges.get(name)
            if seen is not None:
                low, high = min(low, seen["min"].item()), max(high, seen["max"].item())
            shape = (1,) * value.ndim
            ranges[name] = {
                "min": np.full(shape, low, np.float32),
                "max": np.full(shape, high, np.float32),
            }
    return ranges


def _is_computed(name: str, inputs: Mapping[str, int]) -> bool:
    # Constants are called <operator>/input<n>; see name_tensors.
    return name in inputs or not re.search(r"/input\d+$", name)


def _quantisable(model: TfliteModel, symbols: Sequence[str], side: int) -> dict[int, str]:
    """Operators at least ``side`` wide that have int8 kernels, number → kind.

    Never one that reads a symbol: the range of symbols is the codec's, not the calibration's.
    """
    names = {t.name.decode(): i for i, t in enumerate(model.graph.tensors)}
    exact = carriers(model, {names[s]: s for s in symbols})
    found = {}
    for number, operator in enumerate(model.graph.operators):
        shape = model.shape(int(operator.outputs[0]))
        wide = len(shape) == 4 and min(shape[1:3]) >= side
        reads_symbol = any(t in exact for t in model.runtime_inputs(operator))
        if wide and not reads_symbol:
            found[number] = model.op_name(operator)
    return found


def everything_from(model: TfliteModel, symbols: Sequence[str], side: int) -> frozenset[int]:
    """Convolutions and elementwise operators at least ``side`` wide, and moves of their results."""
    candidates = _quantisable(model, symbols, side)
    chosen: set[int] = set()
    made_int8: set[int] = set()
    for number, operator in enumerate(model.graph.operators):
        if movement_only(model.op_name(operator)):
            inputs = model.runtime_inputs(operator)
            take = bool(inputs) and all(t in made_int8 for t in inputs)
        else:
            take = candidates.get(number) in _CONVOLUTIONS | _ELEMENTWISE
        if take:
            chosen.add(number)
            made_int8.update(int(t) for t in operator.outputs)
    return frozenset(chosen)


def branches_from(model: TfliteModel, symbols: Sequence[str], side: int) -> frozenset[int]:
    """Convolutions of residual branches at least ``side`` wide.

    A branch is a chain that starts at one operand of an ADD and ends at the other.
    """
    candidates = _quantisable(model, symbols, side)
    producers = model.producers()
    chosen: set[int] = set()
    for operator in model.graph.operators:
        operands = model.runtime_inputs(operator)
        if model.op_name(operator) != "ADD" or len(operands) != 2:
            continue
        for trunk, end in (operands, reversed(operands)):
            chain: set[int] = set()
            tensor = end
            while tensor != trunk:
                number = producers.get(tensor, -1)
                inputs = model.runtime_inputs(model.graph.operators[number]) if number >= 0 else []
                if candidates.get(number) not in _CONVOLUTIONS | {"RELU"} or len(inputs) != 1:
                    chain.clear()
                    break
                chain.add(number)
                tensor = inputs[0]
            chosen |= chain
    return frozenset(chosen)


def recipes(lowered: bytes, symbols: Sequence[str], y_side: int) -> tuple[Recipe, ...]:
    """Recipes worth trying, from most to least int8 (by multiplications, then by operators).

    For each resolution from the latent's up: everything, and the branches of residuals alone.
    """
    model = TfliteModel(lowered)
    results = {
        min(model.shape(int(o.outputs[0]))[1:3])
        for o in model.graph.operators
        if model.op_name(o) in _CONVOLUTIONS
    }
    found: dict[frozenset[int], str] = {}
    for side in sorted(s for s in results if s >= y_side):
        for rule, what in ((everything_from, "int8"), (branches_from, "int8 branches")):
            operators = rule(model, symbols, side)
            if operators:
                found.setdefault(operators, f"{what} from {side}×{side}")
    ordered = sorted(found, key=lambda chosen: (-_int8_share(model, chosen), -len(chosen)))
    return tuple(Recipe(found[operators], operators) for operators in ordered)


def quantise(
    lowered: bytes, ranges: Ranges, symbols: Sequence[str], recipe: Recipe
) -> tuple[bytes, Int8Summary]:
    """Quantise a lowered model by a recipe made for it.

    Raises ``ConversionError`` when the result treats symbols otherwise than exactly; see
    :func:`assert_exact_symbols`.
    """
    load("ai_edge_quantizer", "tflite")
    quantizer_module = load("ai_edge_quantizer.quantizer", "tflite")
    names = load("ai_edge_quantizer.qtyping", "tflite").TFLOperationName
    model = TfliteModel(lowered)
    if not recipe.operators:
        raise ConversionError(f"{recipe.name}: no operator to quantise")
    quantizer = quantizer_module.Quantizer(lowered)
    for number in sorted(recipe.operators):
        operator = model.graph.operators[number]
        kind = model.op_name(operator)
        result = model.graph.tensors[int(operator.outputs[0])].name.decode()
        quantizer.add_static_config(
            regex=f"^{re.escape(result)};?$",
            operation_name=names(_QUANTISER_NAMES.get(kind, kind)),
            activation_num_bits=8,
            weight_num_bits=8,
        )
    result = quantizer.quantize(ranges, enable_progress_bar=False, enable_progress_report=False)
    data = bytes(result.quantized_model)
    assert_exact_symbols(data, symbols)
    return data, _summary(recipe, model, TfliteModel(data))


def assert_exact_symbols(data: bytes, symbols: Sequence[str]) -> None:
    """Raise ``ConversionError`` unless symbols reach the arithmetic as exact integers.

    Each symbol input, and whatever only moves it, is float32, or int8 with scale exactly 1 and
    zero point 0.
    """
    model = TfliteModel(data)
    inputs = {model.graph.tensors[int(t)].name.decode(): int(t) for t in model.graph.inputs}
    for name in symbols:
        if name not in inputs:
            raise ConversionError(f"the file has no symbol input {name!r}; it has {sorted(inputs)}")
    held = carriers(model, {inputs[name]: name for name in symbols})
    # Quantising a carrier is where exactness would be lost, whatever reads the result.
    for operator in model.graph.operators:
        if model.op_name(operator) == "QUANTIZE" and int(operator.inputs[0]) in held:
            held[int(operator.outputs[0])] = held[int(operator.inputs[0])]
    for tensor, name in held.items():
        kind, scale = model.dtype(tensor), model.quantisation(tensor)
        exact = kind == "float32" or (kind == "int8" and scale == (1.0, 0))
        if not exact:
            raise ConversionError(
                f"symbols {name} become {kind} with (scale, zero point) {scale}; "
                "only float32, or int8 with scale 1 and zero point 0, keep them exact"
            )


def _summary(recipe: Recipe, model: TfliteModel, written: TfliteModel) -> Int8Summary:
    boundaries = sum(written.histogram().get(kind, 0) for kind in ("QUANTIZE", "DEQUANTIZE"))
    return Int8Summary(
        recipe=recipe.name,
        int8_operators=len(recipe.operators),
        float_operators=len(model.graph.operators) - len(recipe.operators),
        boundaries=boundaries,
        int8_share_of_macs_percent=100 * _int8_share(model, recipe.operators),
    )


def _int8_share(model: TfliteModel, chosen: frozenset[int]) -> float:
    """Share of multiply-accumulates that a set of operators makes."""
    macs = [_macs(model, o) for o in model.graph.operators]
    return sum(macs[i] for i in chosen) / max(1, sum(macs))


def _macs(model: TfliteModel, operator: Any) -> int:
    """Multiply-accumulates of a convolution; other kinds count nothing."""
    kind = model.op_name(operator)
    if kind not in _CONVOLUTIONS:
        return 0
    weight = model.shape(int(operator.inputs[1]))
    if kind == "CONV_2D":
        out = model.shape(int(operator.outputs[0]))
        return int(np.prod(out) * np.prod(weight[1:]))
    if kind == "DEPTHWISE_CONV_2D":
        out = model.shape(int(operator.outputs[0]))
        return int(np.prod(out) * np.prod(weight[1:3]))
    source = model.shape(int(operator.inputs[2]))
    return int(np.prod(source) * np.prod(weight[:3]))
