"""ONNX: one file per part, opset 20, weights inside, fp32, NCHW."""

from __future__ import annotations

from pathlib import Path

import torch

from converters.dependencies import load
from converters.export import ExportedPart
from pico_deploy.bundle import Artefact
from pico_deploy.bundle.manifest import PART_ROLES
from pico_deploy.errors import ConversionError

OPSET = 20


def convert_onnx(exported: ExportedPart, folder: Path) -> Artefact:
    """Write ``onnx/<part>.onnx`` below ``folder``; equal parts give equal bytes.

    Raises ``ConversionError`` or ``MissingDependencyError``.
    """
    onnx = load("onnx", "onnx")
    path = f"onnx/{exported.part}.onnx"
    inputs, outputs = PART_ROLES[exported.part]
    try:
        program = torch.onnx.export(
            exported.program,
            tuple(exported.inputs.values()),
            input_names=list(inputs),
            output_names=list(outputs),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        assert program is not None
        model = program.model_proto
        _strip(model)
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:
        raise ConversionError(f"ONNX export of {exported.part} failed: {error}") from error
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(model.SerializeToString(deterministic=True))
    return exported.artefact("onnx", "fp32", path, "float32")


def _strip(model: object) -> None:
    """Drop doc strings and metadata: the exporter puts stack traces with local paths there."""
    pending = [model]
    while pending:
        message = pending.pop()
        for field, value in message.ListFields():  # type: ignore[attr-defined]
            if field.name in ("metadata_props", "doc_string"):
                message.ClearField(field.name)  # type: ignore[attr-defined]
            elif field.message_type is not None and field.name != "initializer":
                pending.extend(value if _is_repeated(value) else [value])


def _is_repeated(value: object) -> bool:
    return hasattr(value, "__len__") and not hasattr(value, "ListFields")
