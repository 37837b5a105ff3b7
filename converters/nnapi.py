"""What NNAPI takes of a TFLite graph, by feature level: 27 (NNAPI 1.0) to 31.

Source: ``Validate`` in TFLite's NNAPI delegate. Levels are Android API levels. These are the
delegate's rules; a vendor's driver may refuse more.
"""

from __future__ import annotations

from typing import Any

from converters.tflite_model import TfliteModel

FEATURE_LEVELS = (27, 28, 29, 30, 31)
MAX_RANK = 4

# First level for float32.
_FLOAT: dict[str, int] = {
    "ABS": 29,
    "ADD": 27,
    "AVERAGE_POOL_2D": 27,
    "CAST": 29,
    "CONCATENATION": 27,
    "CONV_2D": 27,
    "DEPTHWISE_CONV_2D": 27,
    "DEPTH_TO_SPACE": 27,
    "DIV": 28,
    "ELU": 30,
    "EXP": 29,
    "EXPAND_DIMS": 29,
    "FLOOR": 27,
    "FULLY_CONNECTED": 27,
    "GATHER": 29,
    "HARD_SWISH": 27,
    "LEAKY_RELU": 29,
    "LOG": 29,
    "LOGISTIC": 27,
    "MAXIMUM": 29,
    "MAX_POOL_2D": 27,
    "MEAN": 28,
    "MINIMUM": 29,
    "MUL": 27,
    "NEG": 28,
    "PAD": 28,
    "PADV2": 29,
    "POW": 29,
    "PRELU": 29,
    "QUANTIZE": 30,
    "RELU": 27,
    "RELU6": 27,
    "RELU_N1_TO_1": 27,
    "RESHAPE": 27,
    "RESIZE_BILINEAR": 27,
    "RESIZE_NEAREST_NEIGHBOR": 29,
    "RSQRT": 29,
    "SLICE": 29,
    "SPACE_TO_DEPTH": 27,
    "SPLIT": 29,
    "SQRT": 29,
    "SQUEEZE": 28,
    "STRIDED_SLICE": 28,
    "SUB": 28,
    "TANH": 27,
    "TRANSPOSE": 28,
    "TRANSPOSE_CONV": 29,
}
# First level for signed int8 where it differs from "29, or later for float".
_INT8: dict[str, int] = {"DEQUANTIZE": 30, "QUANTIZE": 30, "SPLIT": 30}
_FLOAT_ONLY = frozenset({"ABS", "DIV", "ELU", "EXP", "LOG", "NEG", "POW", "RSQRT", "SQRT"})
_INT8_FROM = 29


def nnapi_level(model: TfliteModel, operator: Any) -> tuple[int, str] | None:
    """(first level that takes the operator, why not before), or None when none does."""
    kind = model.op_name(operator)
    tensors = [int(t) for t in (*operator.inputs, *operator.outputs) if t >= 0]
    if any(len(model.shape(t)) > MAX_RANK for t in tensors):
        return None
    if kind == "CONV_2D" and sum(t >= 0 for t in operator.inputs) != 3:
        return None
    types = {model.dtype(t) for t in (*model.runtime_inputs(operator), int(operator.outputs[0]))}
    if "int8" in types:
        if kind in _FLOAT_ONLY or (kind not in _INT8 and kind not in _FLOAT):
            return None
        level = max(_INT8.get(kind, _INT8_FROM), _FLOAT.get(kind, _INT8_FROM))
        return level, f"int8 since level {level}"
    if kind not in _FLOAT:
        return None
    return _FLOAT[kind], f"since level {_FLOAT[kind]}"
