"""A ``.tflite`` file as data: read, look, change, write. One subgraph, one signature.

The converter writes what is right but not what is best to ship: rearrangements as three ops of
rank 6 that no GPU delegate takes, inputs called ``args_0``, names that hold Python modules. The
functions here put that right.

Source: the TFLite schema, as generated into ``ai_edge_litert.schema_py_generated``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converters.dependencies import load
from pico_deploy.errors import ConversionError

_FILE_IDENTIFIER = b"TFL3"
_SIGNATURE = b"serving_default"


class TfliteModel:
    """The mutable object form of a model.

    Operators are numbered in execution order, tensors by their index in the only subgraph.
    """

    def __init__(self, data: bytes) -> None:
        self.schema: Any = load("ai_edge_litert.schema_py_generated", "tflite")
        self.model = self.schema.ModelT.InitFromObj(self.schema.Model.GetRootAs(data, 0))
        if len(self.model.subgraphs) != 1:
            raise ConversionError(f"a part must be one subgraph, found {len(self.model.subgraphs)}")
        # Large constants may lie behind the flatbuffer; packing again needs them inside.
        for buffer in self.model.buffers:
            if buffer.offset and buffer.offset > 1:
                buffer.data = np.frombuffer(data, np.uint8, buffer.size, buffer.offset)
                buffer.offset = buffer.size = 0
        self.graph = self.model.subgraphs[0]
        self._names = {v: k for k, v in vars(self.schema.BuiltinOperator).items() if k[0] != "_"}

    def to_bytes(self) -> bytes:
        """Serialise; equal models give equal bytes."""
        flatbuffers = load("flatbuffers", "tflite")
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self.model.Pack(builder), _FILE_IDENTIFIER)
        return bytes(builder.Output())

    def op_name(self, operator: Any) -> str:
        """Name of an operator's kind, for example ``CONV_2D``."""
        code = self.model.operatorCodes[operator.opcodeIndex]
        # Old readers know a byte, new ones an int32; the larger is meant.
        return str(self._names[max(code.builtinCode, code.deprecatedBuiltinCode)])

    def histogram(self) -> dict[str, int]:
        """How often each kind of operator occurs."""
        return dict(sorted(Counter(map(self.op_name, self.graph.operators)).items()))

    def shape(self, tensor: int) -> tuple[int, ...]:
        """Shape of a tensor."""
        found = self.graph.tensors[tensor].shape
        return () if found is None else tuple(int(n) for n in found)

    def dtype(self, tensor: int) -> str:
        """Type of a tensor in NumPy's words."""
        code = self.graph.tensors[tensor].type
        names = {v: k for k, v in vars(self.schema.TensorType).items() if k[0] != "_"}
        return str(names[code]).lower()

    def constant(self, tensor: int) -> NDArray[Any] | None:
        """Value of a tensor that is constant, or None."""
        data = self.model.buffers[self.graph.tensors[tensor].buffer].data
        if data is None or len(data) == 0:
            return None
        return np.asarray(data, np.uint8).view(self.dtype(tensor)).reshape(self.shape(tensor))

    def runtime_inputs(self, operator: Any) -> list[int]:
        """Inputs of an operator that are computed, not constant."""
        present = (int(t) for t in operator.inputs if t >= 0)
        return [t for t in present if self.constant(t) is None]

    def producers(self) -> dict[int, int]:
        """Tensor → number of the operator that makes it."""
        return {int(t): i for i, o in enumerate(self.graph.operators) for t in o.outputs}

    def consumers(self) -> dict[int, list[int]]:
        """Tensor → numbers of the operators that read it."""
        found: dict[int, list[int]] = {}
        for number, operator in enumerate(self.graph.operators):
            for tensor in operator.inputs:
                found.setdefault(int(tensor), []).append(number)
        return found

    def opcode(self, name: str, version: int = 1) -> int:
        """Index of an operator code, added when missing."""
        value = getattr(self.schema.BuiltinOperator, name)
        for index, code in enumerate(self.model.operatorCodes):
            if max(code.builtinCode, code.deprecatedBuiltinCode) == value:
                return index
        code = self.schema.OperatorCodeT()
        code.builtinCode, code.version = value, version
        code.deprecatedBuiltinCode = min(value, 127)
        self.model.operatorCodes.append(code)
        return len(self.model.operatorCodes) - 1

    def quantisation(self, tensor: int) -> tuple[float, int] | None:
        """(scale, zero point) of a tensor quantised as a whole, or None."""
        found = self.graph.tensors[tensor].quantization
        if found is None or found.scale is None or len(found.scale) == 0:
            return None
        return float(found.scale[0]), int(found.zeroPoint[0])

    def sweep(self) -> None:
        """Drop tensors and buffers nothing refers to any more, and number the rest anew."""
        graph = self.graph
        used = {int(t) for t in (*graph.inputs, *graph.outputs)}
        for operator in graph.operators:
            used |= {int(t) for t in (*operator.inputs, *operator.outputs) if t >= 0}
        keep = sorted(used)
        number = {old: new for new, old in enumerate(keep)} | {-1: -1}

        def renumber(tensors: Sequence[int]) -> NDArray[np.int32]:
            return np.array([number[int(t)] for t in tensors], np.int32)

        for operator in graph.operators:
            operator.inputs, operator.outputs = (
                renumber(operator.inputs),
                renumber(operator.outputs),
            )
        graph.inputs, graph.outputs = renumber(graph.inputs), renumber(graph.outputs)
        graph.tensors = [graph.tensors[t] for t in keep]
        for signature in self.model.signatureDefs or []:
            for entry in (*signature.inputs, *signature.outputs):
                entry.tensorIndex = number[int(entry.tensorIndex)]
        self._sweep_buffers()
        self._sweep_opcodes()

    def _sweep_buffers(self) -> None:
        # Buffer 0 is the empty one by convention.
        order = {0: 0}
        for entry in (*self.graph.tensors, *(self.model.metadata or [])):
            order.setdefault(int(entry.buffer), len(order))
            entry.buffer = order[int(entry.buffer)]
        self.model.buffers = [self.model.buffers[old] for old in order]

    def _sweep_opcodes(self) -> None:
        order: dict[int, int] = {}
        for operator in self.graph.operators:
            operator.opcodeIndex = order.setdefault(int(operator.opcodeIndex), len(order))
        self.model.operatorCodes = [self.model.operatorCodes[old] for old in order]


def name_tensors(model: TfliteModel, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Name inputs and outputs by role, the rest by operator number, and drop foreign metadata.

    ``inputs`` and ``outputs`` are in the order of the model's signature.
    """
    graph = model.graph
    (signature,) = model.model.signatureDefs
    signature.signatureKey = _SIGNATURE
    names: dict[int, str] = {}
    for entries, roles in ((signature.inputs, inputs), (signature.outputs, outputs)):
        ordered = sorted(entries, key=lambda e: int(e.name.decode().rpartition("_")[2]))
        for entry, role in zip(ordered, roles, strict=True):
            entry.name = role.encode()
            names[int(entry.tensorIndex)] = role
    for number, operator in enumerate(graph.operators):
        label = f"{number:03d}/{model.op_name(operator)}"
        for place, tensor in enumerate(operator.outputs):
            names.setdefault(int(tensor), f"{label}{place if place else ''}")
        for place, tensor in enumerate(operator.inputs):
            names.setdefault(int(tensor), f"{label}/input{place}")
    for index, tensor in enumerate(graph.tensors):
        tensor.name = names.get(index, f"unused{index}").encode()
    graph.name = b"main"
    kept = [m for m in model.model.metadata or [] if m.name == b"min_runtime_version"]
    model.model.metadata = kept
    model.sweep()


def halve_weights(model: TfliteModel) -> None:
    """Store float32 constants of convolutions as float16, each behind a DEQUANTIZE.

    Delegates that compute in half precision take the stored halves; others expand them once at
    load.
    """
    schema, graph = model.schema, model.graph
    opcode = model.opcode("DEQUANTIZE", 3)
    first: list[Any] = []
    wide: dict[int, int] = {}
    for operator in list(graph.operators):
        for place, tensor in enumerate(operator.inputs):
            index = int(tensor)
            value = model.constant(index) if index >= 0 else None
            if value is None or value.dtype != np.float32 or value.ndim == 0:
                continue
            if index not in wide:
                with np.errstate(over="ignore"):
                    half = value.astype(np.float16)
                if not np.isfinite(half).all():
                    name = graph.tensors[index].name.decode()
                    raise ConversionError(
                        f"weight {name} holds {np.abs(value).max():.3g}, beyond the range of fp16"
                    )
                wide[index] = _add_expanded(model, index, half, opcode, first, schema)
            operator.inputs[place] = wide[index]
    graph.operators = first + graph.operators
    model.sweep()


def _add_expanded(
    model: TfliteModel, index: int, half: NDArray[Any], opcode: int, first: list[Any], schema: Any
) -> int:
    """Turn constant ``index`` into halves and return the float32 tensor its DEQUANTIZE makes."""
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(half.tobytes(), np.uint8)
    model.model.buffers.append(buffer)
    source = model.graph.tensors[index]
    expanded = schema.TensorT()
    expanded.shape, expanded.type, expanded.buffer = source.shape, source.type, 0
    expanded.name = source.name + b"/float32"
    source.type, source.buffer = schema.TensorType.FLOAT16, len(model.model.buffers) - 1
    model.graph.tensors.append(expanded)
    operator = schema.OperatorT()
    operator.opcodeIndex = opcode
    operator.inputs = np.array([index], np.int32)
    operator.outputs = np.array([len(model.graph.tensors) - 1], np.int32)
    operator.builtinOptionsType = schema.BuiltinOptions.DequantizeOptions
    operator.builtinOptions = schema.DequantizeOptionsT()
    first.append(operator)
    return len(model.graph.tensors) - 1


def movement_only(name: str) -> bool:
    """Whether an operator only moves or selects values, so that exact integers stay exact."""
    return name in _MOVEMENT


_MOVEMENT = frozenset(
    {
        "CONCATENATION",
        "DEPTH_TO_SPACE",
        "PAD",
        "RESHAPE",
        "SLICE",
        "SPACE_TO_DEPTH",
        "SPLIT",
        "STRIDED_SLICE",
        "TRANSPOSE",
    }
)


def carriers(model: TfliteModel, sources: Mapping[int, str]) -> dict[int, str]:
    """Tensors that hold only moved values of ``sources`` (tensor → name), themselves included."""
    held = dict(sources)
    for operator in model.graph.operators:
        inputs = model.runtime_inputs(operator)
        if movement_only(model.op_name(operator)) and inputs and all(t in held for t in inputs):
            for tensor in operator.outputs:
                held[int(tensor)] = held[inputs[0]]
    return held
