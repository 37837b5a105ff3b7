"""Static int8 of ``synthesis`` for TFLite, by a mixed recipe: symbols do not survive int8.

Only the high-resolution end of the network, where nearly all multiplications are, is quantised;
what comes before (the symbols, the context model, the latent) stays float32. :func:`recipes` lists
recipes from most to least int8, and the gate of ``parity`` picks the first that holds.

The rule knows no codec: it reads shapes and dataflow.
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
    """Convolutions at least ``side`` wide are int8, elementwise operators from ``sums`` on.

    With ``sums`` above ``side`` the trunk of a residual chain stays float between them: its values
    are many times those of the branches, and one int8 step of the trunk would drown what a branch
    adds.
    """

    side: int
    sums: int

    @property
    def name(self) -> str:
        """For reports."""
        trunk = f", sums from {self.sums}×{self.sums}" if self.sums > self.side else ""
        return f"int8 from {self.side}×{self.side}{trunk}"


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


def region(model: TfliteModel, symbols: Sequence[str], recipe: Recipe) -> frozenset[int]:
    """Numbers of the operators a recipe makes int8.

    Never one that reads a symbol: the range of symbols is the codec's, not the calibration's, and
    they are exact. Operators that only move values follow the one that made the values.
    """
    names = {t.name.decode(): i for i, t in enumerate(model.graph.tensors)}
    exact = carriers(model, {names[s]: s for s in symbols})
    chosen: set[int] = set()
    made_int8: set[int] = set()
    for number, operator in enumerate(model.graph.operators):
        kind, inputs = model.op_name(operator), model.runtime_inputs(operator)
        if movement_only(kind):
            take = bool(inputs) and all(t in made_int8 for t in inputs)
        else:
            shape = model.shape(int(operator.outputs[0]))
            side = min(shape[1:3]) if len(shape) == 4 else 0
            take = (
                (kind in _CONVOLUTIONS and side >= recipe.side)
                or (kind in _ELEMENTWISE and side >= recipe.sums)
            ) and not any(t in exact for t in inputs)
        if take:
            chosen.add(number)
            made_int8.update(int(t) for t in operator.outputs)
    return frozenset(chosen)


def recipes(lowered: bytes, symbols: Sequence[str], y_side: int) -> tuple[Recipe, ...]:
    """Recipes worth trying, from most to least int8.

    Each resolution from the latent's up, without and with a float trunk.
    """
    model = TfliteModel(lowered)
    results = {
        min(model.shape(int(o.outputs[0]))[1:3])
        for o in model.graph.operators
        if model.op_name(o) in _CONVOLUTIONS
    }
    sides = sorted(s for s in results if s >= y_side)
    found = []
    seen: set[frozenset[int]] = set()
    for side, above in zip(sides, [*sides[1:], None], strict=True):
        for recipe in (Recipe(side, side), *([Recipe(side, above)] if above else [])):
            chosen = region(model, symbols, recipe)
            if chosen and chosen not in seen:
                seen.add(chosen)
                found.append(recipe)
    return tuple(found)


def quantise(
    lowered: bytes, ranges: Ranges, symbols: Sequence[str], recipe: Recipe
) -> tuple[bytes, Int8Summary]:
    """Quantise a lowered model by a recipe.

    Raises ``ConversionError`` when the result treats symbols otherwise than exactly; see
    :func:`assert_exact_symbols`.
    """
    load("ai_edge_quantizer", "tflite")
    quantizer_module = load("ai_edge_quantizer.quantizer", "tflite")
    names = load("ai_edge_quantizer.qtyping", "tflite").TFLOperationName
    model = TfliteModel(lowered)
    chosen = region(model, symbols, recipe)
    if not chosen:
        raise ConversionError(f"{recipe.name}: no operator to quantise")
    quantizer = quantizer_module.Quantizer(lowered)
    for number in sorted(chosen):
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
    return data, _summary(recipe, model, chosen, TfliteModel(data))


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


def _summary(
    recipe: Recipe, model: TfliteModel, chosen: frozenset[int], written: TfliteModel
) -> Int8Summary:
    macs = [_macs(model, o) for o in model.graph.operators]
    boundaries = sum(written.histogram().get(kind, 0) for kind in ("QUANTIZE", "DEQUANTIZE"))
    return Int8Summary(
        recipe=recipe.name,
        int8_operators=len(chosen),
        float_operators=len(model.graph.operators) - len(chosen),
        boundaries=boundaries,
        int8_share_of_macs_percent=100 * sum(macs[i] for i in chosen) / max(1, sum(macs)),
    )


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
