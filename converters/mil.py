"""A checker for the Core ML packages we write: it interprets them off a Mac. **Not a runtime.**

It answers one question, "does this package still compute what the PyTorch part computes?", in two
arithmetics: ``fp32``, and ``fp16``, where the result of every operation is rounded to half
precision (sums stay float32). A real Apple device orders and rounds sums in its own way; what it
does is measured on it, never concluded from here.

Source: the protobuf definitions in coremltools (``Model.proto``, ``MIL.proto``) and the MILBlob
storage format.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from converters.dependencies import load
from converters.mil_ops import OPERATIONS
from pico_deploy.errors import ConversionError

Arithmetic = Literal["fp32", "fp16"]

# Sentinel, type, size in bytes and offset of the data.
_BLOB_HEADER = "<IIQQ"
_BLOB_SENTINEL = 0xDEADBEEF
_MODEL_PATH = "@model_path/"


class MilProgram:
    """An ``.mlpackage``, loaded for checking.

    Raises ``ConversionError`` when the package holds an operation, type or value the checker does
    not know.
    """

    def __init__(self, package: Path, arithmetic: Arithmetic = "fp32") -> None:
        proto = load("coremltools.proto.Model_pb2", "coreml")
        types = load("coremltools.proto.MIL_pb2", "coreml").DataType
        self._numpy: dict[int, type[Any]] = {
            types.FLOAT16: np.float16,
            types.FLOAT32: np.float32,
            types.INT32: np.int32,
            types.INT16: np.int16,
            types.INT8: np.int8,
            types.UINT8: np.uint8,
            types.UINT16: np.uint16,
            types.UINT32: np.uint32,
            types.BOOL: np.bool_,
        }
        self._half = types.FLOAT16
        self.arithmetic = arithmetic
        self._root = package / "Data" / "com.apple.CoreML"
        model = proto.Model()
        model.ParseFromString((self._root / "model.mlmodel").read_bytes())
        function = model.mlProgram.functions["main"]
        self._block = function.block_specializations[function.opset]
        self.inputs = {i.name: _shape(i.type.tensorType) for i in function.inputs}
        self.outputs = list(self._block.outputs)
        unknown = sorted({o.type for o in self.operations} - OPERATIONS.keys())
        if unknown:
            raise ConversionError(
                f"{package.name} uses {', '.join(unknown)}, which the Core ML checker does not "
                "know; add them to converters/mil_ops.py with their meaning, or write the codec "
                "without them"
            )
        self._constants = {
            o.outputs[0].name: self._value(o.attributes["val"])
            for o in self._block.operations
            if o.type == "const"
        }
        self._last_use = self._last_uses()

    @property
    def operations(self) -> list[Any]:
        """Operations in order, without the constants."""
        return [o for o in self._block.operations if o.type != "const"]

    def __call__(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
        """Run on float arrays; results are float32 whatever the arithmetic."""
        values: dict[str, Any] = dict(self._constants)
        for name, shape in self.inputs.items():
            array = np.asarray(feeds[name], np.float32)
            if array.shape != shape:
                raise ConversionError(f"input {name} has shape {array.shape}, not {shape}")
            values[name] = self._round(torch.from_numpy(array), half=True)
        with torch.no_grad():
            for index, operation in enumerate(self.operations):
                self._run(operation, values)
                for name in self._last_use.get(index, ()):
                    values.pop(name, None)
        return {name: values[name].numpy() for name in self.outputs}

    def _run(self, operation: Any, values: dict[str, Any]) -> None:
        arguments = {name: self._argument(a, values) for name, a in operation.inputs.items()}
        result = OPERATIONS[operation.type](arguments)
        results = result if isinstance(result, tuple) else (result,)
        for output, tensor in zip(operation.outputs, results, strict=True):
            kind = output.type.tensorType
            if tuple(tensor.shape) != _shape(kind):
                raise ConversionError(
                    f"{operation.type} {output.name}: shape {list(tensor.shape)} instead of "
                    f"{list(_shape(kind))}"
                )
            values[output.name] = self._round(tensor, half=kind.dataType == self._half)

    def _round(self, tensor: Tensor, *, half: bool) -> Tensor:
        return tensor.half().float() if half and self.arithmetic == "fp16" else tensor

    def _argument(self, argument: Any, values: Mapping[str, Any]) -> Any:
        found = [
            values[b.name] if b.WhichOneof("binding") == "name" else self._value(b.value)
            for b in argument.arguments
        ]
        return found[0] if len(found) == 1 else found

    def _last_uses(self) -> dict[int, list[str]]:
        """Names no longer needed after each operation, so that memory stays small."""
        last: dict[str, int] = {}
        for index, operation in enumerate(self.operations):
            for argument in operation.inputs.values():
                for binding in argument.arguments:
                    if binding.WhichOneof("binding") == "name":
                        last[binding.name] = index
        uses: dict[int, list[str]] = {}
        for name, index in last.items():
            if name not in self.outputs and name not in self._constants:
                uses.setdefault(index, []).append(name)
        return uses

    def _value(self, value: Any) -> Any:
        """A constant: text as str, floats as float32 tensors, integers as int64."""
        kind = value.type.tensorType
        if value.WhichOneof("value") == "blobFileValue":
            blob = value.blobFileValue
            return _tensor(self._blob(blob.fileName, blob.offset, kind))
        held = value.immediateValue.tensor
        field = held.WhichOneof("value")
        if field == "strings":
            return held.strings.values[0]
        if field == "bytes":
            data = np.frombuffer(held.bytes.values, self._type(kind))
        else:
            data = np.asarray(getattr(held, field).values, self._type(kind))
        return _tensor(data.reshape(_shape(kind)))

    def _type(self, kind: Any) -> type[Any]:
        try:
            return self._numpy[kind.dataType]
        except KeyError:
            raise ConversionError(
                f"the Core ML checker does not know type {kind.dataType}"
            ) from None

    def _blob(self, name: str, offset: int, kind: Any) -> NDArray[Any]:
        if not name.startswith(_MODEL_PATH):
            raise ConversionError(f"weight file {name!r} lies outside the package")
        data = np.memmap(self._root / name.removeprefix(_MODEL_PATH), np.uint8, "r")
        header = data[offset : offset + struct.calcsize(_BLOB_HEADER)].tobytes()
        sentinel, _, size, start = struct.unpack(_BLOB_HEADER, header)
        if sentinel != _BLOB_SENTINEL:
            raise ConversionError(f"{name}: no weight at offset {offset}; the package is damaged")
        return np.frombuffer(data[start : start + size].tobytes(), self._type(kind)).reshape(
            _shape(kind)
        )


def _shape(kind: Any) -> tuple[int, ...]:
    return tuple(int(d.constant.size) for d in kind.dimensions)


def _tensor(array: NDArray[Any]) -> Tensor:
    """Widen to the types the operations compute with."""
    if array.dtype == np.float16:
        return torch.from_numpy(array.astype(np.float32))
    if array.dtype.kind in "iu":
        return torch.from_numpy(array.astype(np.int64))
    return torch.from_numpy(array.copy())
