"""Rearrangements in TFLite graphs: three ops become one, every TRANSPOSE left is explained."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from converters.tflite_model import TfliteModel

# The permutation that swaps "column of the block" and "column of the picture"; it is its own
# inverse.
_SWAP = (0, 1, 3, 2, 4, 5)
_NHWC_TO_NCHW = (0, 3, 1, 2)
_NCHW_TO_NHWC = (0, 2, 3, 1)


class Transpose(BaseModel):
    """A TRANSPOSE that stayed in an artefact, and why."""

    model_config = ConfigDict(frozen=True)

    tensor: str
    shape: tuple[int, ...]
    permutation: tuple[int, ...]
    between: tuple[str, str]
    reason: str


def _block_of(narrow: tuple[int, ...], wide: tuple[int, ...]) -> int | None:
    """Side of the block when NHWC ``narrow`` is ``wide`` with space moved into channels."""
    if len(narrow) != 4 or len(wide) != 4 or wide[1] <= narrow[1]:
        return None
    block = wide[1] // narrow[1]
    fits = wide[1:] == (narrow[1] * block, narrow[2] * block, narrow[3] // (block * block))
    return block if block > 1 and fits and narrow[3] % (block * block) == 0 else None


def fuse_rearrangements(model: TfliteModel) -> int:
    """Turn RESHAPE → TRANSPOSE → RESHAPE into DEPTH_TO_SPACE or SPACE_TO_DEPTH; return how many.

    Both move values only, so the results are the same bits; GPU delegates and NNAPI take the one
    op and not the three.
    """
    producers, consumers = model.producers(), model.consumers()
    operators = model.graph.operators
    dropped: set[int] = set()
    fused = 0
    for number, operator in enumerate(operators):
        if model.op_name(operator) != "TRANSPOSE" or _permutation(model, operator) != _SWAP:
            continue
        before = producers.get(int(operator.inputs[0]))
        after = consumers.get(int(operator.outputs[0]), [])
        if before is None or len(after) != 1:
            continue
        first, last = operators[before], operators[after[0]]
        if {model.op_name(first), model.op_name(last)} != {"RESHAPE"}:
            continue
        replacement = _single_op(model, first, operator, last)
        if replacement is None:
            continue
        operators[after[0]] = replacement
        dropped.add(number)
        if consumers[int(first.outputs[0])] == [number]:
            dropped.add(before)
        fused += 1
    model.graph.operators = [o for i, o in enumerate(operators) if i not in dropped]
    model.sweep()
    return fused


def _single_op(model: TfliteModel, first: Any, middle: Any, last: Any) -> Any | None:
    source, result = int(first.inputs[0]), int(last.outputs[0])
    shape_in, shape_out = model.shape(source), model.shape(result)
    split = model.shape(int(middle.inputs[0]))
    schema, operator = model.schema, model.schema.OperatorT()
    if (block := _block_of(shape_in, shape_out)) is not None:
        expected = (1, shape_in[1], shape_in[2], block, block, shape_out[3])
        name, options = "DEPTH_TO_SPACE", schema.DepthToSpaceOptionsT()
    elif (block := _block_of(shape_out, shape_in)) is not None:
        expected = (1, shape_out[1], block, shape_out[2], block, shape_in[3])
        name, options = "SPACE_TO_DEPTH", schema.SpaceToDepthOptionsT()
    else:
        return None
    if split != expected:
        return None
    options.blockSize = block
    operator.opcodeIndex = model.opcode(name)
    operator.inputs = np.array([source], np.int32)
    operator.outputs = np.array([result], np.int32)
    operator.builtinOptionsType = getattr(
        schema.BuiltinOptions, type(options).__name__.removesuffix("T")
    )
    operator.builtinOptions = options
    return operator


def _permutation(model: TfliteModel, operator: Any) -> tuple[int, ...]:
    value = model.constant(int(operator.inputs[1]))
    return () if value is None else tuple(int(v) for v in value)


def remaining_transposes(model: TfliteModel) -> tuple[Transpose, ...]:
    """Every TRANSPOSE in the model, with the reason it is there."""
    producers, consumers = model.producers(), model.consumers()
    operators = model.graph.operators
    found = []
    for operator in operators:
        if model.op_name(operator) != "TRANSPOSE":
            continue
        source, result = int(operator.inputs[0]), int(operator.outputs[0])
        before = model.op_name(operators[producers[source]]) if source in producers else "input"
        readers = [model.op_name(operators[i]) for i in consumers.get(result, [])]
        after = ", ".join(readers) or "output"
        permutation = _permutation(model, operator)
        found.append(
            Transpose(
                tensor=model.graph.tensors[result].name.decode(),
                shape=model.shape(result),
                permutation=permutation,
                between=(before, after),
                reason=_reason(permutation, before, after),
            )
        )
    return tuple(found)


def _reason(permutation: tuple[int, ...], before: str, after: str) -> str:
    if permutation == _NHWC_TO_NCHW:
        return f"NHWC to NCHW: {after} was written for channels first"
    if permutation == _NCHW_TO_NHWC:
        return f"NCHW to NHWC: {before} was written for channels first"
    if len(permutation) > 4:
        return (
            f"rearrangement of rank {len(permutation)} that is neither DEPTH_TO_SPACE nor "
            "SPACE_TO_DEPTH; write pixel shuffles in the order the converter asks for"
        )
    return f"moves axes between {before} and {after}"
