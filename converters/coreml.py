"""Core ML: one ML program package per part, fp16, iOS 17, rank ≤ 5, byte-reproducible."""

from __future__ import annotations

import json
import shutil
import uuid
from pathlib import Path
from typing import Any

import numpy as np

from converters.dependencies import load
from converters.export import ExportedPart
from pico_deploy.bundle import Artefact
from pico_deploy.bundle.manifest import PART_ROLES
from pico_deploy.errors import ConversionError

MAX_RANK = 5
"""Core ML refuses tensors of a higher rank at load."""

_AUTHOR = "com.apple.CoreML"
# A date and the like: whatever changes between equal runs or names the machine.
_VOLATILE_METADATA = "com.github.apple.coremltools.conversion_date"


def convert_coreml(exported: ExportedPart, folder: Path) -> Artefact:
    """Write ``coreml/<part>.mlpackage`` below ``folder``; equal parts give equal bytes.

    Inputs and outputs are fp16: symbols up to ±2048 are exact in it, and nothing is cast on the
    way to the accelerator. Raises ``ConversionError`` or ``MissingDependencyError``.
    """
    ct = load("coremltools", "coreml")
    path = f"coreml/{exported.part}.mlpackage"
    inputs, outputs = PART_ROLES[exported.part]
    try:
        model = ct.convert(
            exported.program.run_decompositions({}),
            inputs=[
                ct.TensorType(name=role, shape=exported.shapes[role], dtype=np.float16)
                for role in inputs
            ],
            outputs=[ct.TensorType(name=role, dtype=np.float16) for role in outputs],
            convert_to="mlprogram",
            minimum_deployment_target=ct.target.iOS17,
            compute_precision=ct.precision.FLOAT16,
            skip_model_load=True,
        )
    except Exception as error:
        raise ConversionError(f"Core ML conversion of {exported.part} failed: {error}") from error
    spec = model.get_spec()
    _check_rank(spec, exported.part)
    spec.description.metadata.userDefined.pop(_VOLATILE_METADATA, None)
    _name_values(spec)
    _write_package(folder / path, spec, Path(model.weights_dir))
    return exported.artefact("coreml", "fp16", path, "float16")


def _check_rank(spec: Any, part: str) -> None:
    for function in spec.mlProgram.functions.values():
        for operation in function.block_specializations[function.opset].operations:
            for output in operation.outputs:
                if output.type.tensorType.rank > MAX_RANK:
                    raise ConversionError(
                        f"{part}: {operation.type} gives {output.name} of rank "
                        f"{output.type.tensorType.rank}; Core ML takes at most {MAX_RANK}"
                    )


def _name_values(spec: Any) -> None:
    """Name every value by the number and kind of its operation.

    The library counts names up over the life of the process, so that what was converted before, or
    failed to, would show in the bytes.
    """
    for function in spec.mlProgram.functions.values():
        block = function.block_specializations[function.opset]
        keep = {*(i.name for i in function.inputs), *block.outputs}
        names: dict[str, str] = {}
        for number, operation in enumerate(block.operations):
            for place, output in enumerate(operation.outputs):
                name = f"{operation.type}_{number}" + (f"_{place}" if place else "")
                names[output.name] = output.name if output.name in keep else name
                output.name = names[output.name]
            for argument in operation.inputs.values():
                for binding in argument.arguments:
                    if binding.WhichOneof("binding") == "name":
                        binding.name = names.get(binding.name, binding.name)
            if "name" in operation.attributes:
                label = operation.attributes["name"].immediateValue.tensor.strings
                label.values[0] = f"{operation.type}_{number}"


def _write_package(package: Path, spec: Any, weights: Path) -> None:
    """Lay the package out ourselves: the library's writer uses random identifiers and modes."""
    data = package / "Data" / _AUTHOR
    (data / "weights").mkdir(parents=True, exist_ok=True)
    (data / "model.mlmodel").write_bytes(spec.SerializeToString(deterministic=True))
    shutil.copyfile(weights / "weight.bin", data / "weights" / "weight.bin")
    items = {
        str(uuid.uuid5(uuid.NAMESPACE_URL, name)).upper(): {
            "author": _AUTHOR,
            "description": description,
            "name": name,
            "path": f"{_AUTHOR}/{name}",
        }
        for name, description in (
            ("model.mlmodel", "CoreML Model Specification"),
            ("weights", "CoreML Model Weights"),
        )
    }
    manifest = {
        "fileFormatVersion": "1.0.0",
        "itemInfoEntries": items,
        "rootModelIdentifier": next(iter(items)),
    }
    text = json.dumps(manifest, indent=4, sort_keys=True)
    (package / "Manifest.json").write_text(text + "\n", encoding="utf-8")
    for path in package.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
