"""TFLite: channels-last files, fp32 and fp16 of both parts; for int8 see ``int8``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch

from converters.dependencies import load, require
from converters.export import ExportedPart
from converters.rearrange import fuse_rearrangements
from converters.tflite_model import TfliteModel, halve_weights, name_tensors
from pico_deploy.bundle import Artefact
from pico_deploy.bundle.manifest import PART_ROLES
from pico_deploy.errors import ConversionError

FloatPrecision = Literal["fp32", "fp16"]


def lower(exported: ExportedPart) -> bytes:
    """Lower an NHWC part to a float32 model with tensors named by role and operator.

    Raises ``ConversionError`` or ``MissingDependencyError``.
    """
    require("tflite")
    litert_torch = load("litert_torch", "tflite")
    # The library traces by itself: it is given the module of the exported program, so both see one
    # graph.
    module = exported.program.module()
    # An exported module refuses eval(); it was traced in that mode, and the flag says so.
    module.training = False
    try:
        with torch.no_grad():
            converted = litert_torch.convert(module, tuple(exported.inputs.values()))
            data = converted.model_content()
    except Exception as error:
        raise ConversionError(f"TFLite conversion of {exported.part} failed: {error}") from error
    model = TfliteModel(bytes(data))
    inputs, outputs = PART_ROLES[exported.part]
    name_tensors(model, inputs, outputs)
    return model.to_bytes()


def finish(data: bytes, precision: FloatPrecision | Literal["int8"]) -> bytes:
    """Make the file to ship of a lowered (or quantised) model."""
    model = TfliteModel(data)
    fuse_rearrangements(model)
    if precision != "fp32":  # of an int8 model, the weights that stayed float
        halve_weights(model)
    return model.to_bytes()


def convert_tflite(
    exported: ExportedPart, lowered: bytes, precision: FloatPrecision, folder: Path
) -> Artefact:
    """Write ``tflite/<part>.<precision>.tflite`` below ``folder``; equal parts give equal bytes."""
    path = f"tflite/{exported.part}.{precision}.tflite"
    write(folder / path, finish(lowered, precision))
    return exported.artefact("tflite", precision, path, "float32")


def write(target: Path, data: bytes) -> None:
    """Write an artefact, making its folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
