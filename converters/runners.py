"""Run a part, in PyTorch or as an artefact that was just written, on NCHW float32 arrays.

These are for the gates: they reload what was written and hide layouts and types, nothing else.
Speed is the runtime's matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from converters.dependencies import load
from converters.mil import Arithmetic, MilProgram
from pico_deploy.bundle import Artefact
from pico_deploy.bundle import Tensor as TensorSpec
from pico_deploy.bundle.manifest import PART_ROLES, PartName

Arrays = dict[str, NDArray[np.float32]]
Runner = Callable[[Mapping[str, NDArray[Any]]], Arrays]
"""A part as a function of arrays by role, NCHW float32 in and out."""


def torch_runner(module: nn.Module, part: PartName) -> Runner:
    """PyTorch, the reference of every gate."""
    roles, results = PART_ROLES[part]

    def run(inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        with torch.no_grad():
            found = module(*(torch.from_numpy(np.asarray(inputs[r], np.float32)) for r in roles))
        found = found if isinstance(found, tuple) else (found,)
        return {r: t.numpy() for r, t in zip(results, found, strict=True)}

    return run


def open_runner(artefact: Artefact, folder: Path, arithmetic: Arithmetic = "fp16") -> Runner:
    """Load an artefact below ``folder``; ``arithmetic`` is that of the Core ML checker."""
    path = folder / artefact.path
    if artefact.runtime == "onnx":
        return _onnx_runner(path, artefact)
    if artefact.runtime == "tflite":
        return _tflite_runner(path, artefact)
    return _mil_runner(path, artefact, arithmetic)


def store(array: NDArray[Any], spec: TensorSpec) -> NDArray[Any]:
    """NCHW float32 → the layout and type of an artefact's input."""
    if spec.layout == "nhwc":
        array = array.transpose(0, 2, 3, 1)
    if spec.quantisation is not None:
        scaled = np.rint(array / spec.quantisation.scale) + spec.quantisation.zero_point
        limits = np.iinfo(spec.dtype)
        array = np.clip(scaled, limits.min, limits.max)
    return np.ascontiguousarray(array, spec.dtype)


def restore(array: NDArray[Any], spec: TensorSpec) -> NDArray[np.float32]:
    """Inverse of :func:`store` for outputs."""
    values = array.astype(np.float32)
    if spec.quantisation is not None:
        values = (values - spec.quantisation.zero_point) * np.float32(spec.quantisation.scale)
    return values.transpose(0, 3, 1, 2) if spec.layout == "nhwc" else values


def _onnx_runner(path: Path, artefact: Artefact) -> Runner:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [spec.name for spec in artefact.outputs]

    def run(inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        feeds = {spec.name: store(inputs[spec.role], spec) for spec in artefact.inputs}
        found = session.run(names, feeds)
        return {s.role: restore(a, s) for s, a in zip(artefact.outputs, found, strict=True)}

    return run


def _tflite_runner(path: Path, artefact: Artefact) -> Runner:
    interpreter = load("ai_edge_litert.interpreter", "tflite").Interpreter(str(path), num_threads=2)
    signature = interpreter.get_signature_runner()

    def run(inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        found = signature(**{spec.name: store(inputs[spec.role], spec) for spec in artefact.inputs})
        return {spec.role: restore(found[spec.name], spec) for spec in artefact.outputs}

    return run


def _mil_runner(path: Path, artefact: Artefact, arithmetic: Arithmetic) -> Runner:
    program = MilProgram(path, arithmetic)

    def run(inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        found = program({spec.name: store(inputs[spec.role], spec) for spec in artefact.inputs})
        return {spec.role: restore(found[spec.name], spec) for spec in artefact.outputs}

    return run
