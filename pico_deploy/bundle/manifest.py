"""What ``manifest.json`` of a bundle says, checked as it is read.

Nothing in it depends on the day, the machine or a path, so that the same inputs give the same
bytes.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from pico_deploy.entropy.model import Geometry

SCHEMA_VERSION: Literal[1] = 1
MANIFEST_NAME = "manifest.json"
ENTROPY_NAME = "entropy.bin"

PartName = Literal["analysis", "synthesis"]
RuntimeName = Literal["onnx", "coreml", "tflite"]
Precision = Literal["fp32", "fp16", "int8"]
Role = Literal["x", "anchors", "y_mask", "z_mask", "z", "y", "x_hat"]
Layout = Literal["nchw", "nhwc", "nc"]
DType = Literal["float32", "float16", "int8", "uint8"]

PART_ROLES: dict[PartName, tuple[tuple[Role, ...], tuple[Role, ...]]] = {
    "analysis": (("x", "anchors", "y_mask", "z_mask"), ("z", "y")),
    "synthesis": (("z", "y", "anchors"), ("x_hat",)),
}
"""Inputs and outputs of each part, in the order of the codec protocol."""


def _check_path(path: str) -> str:
    parts = path.split("/")
    if not re.fullmatch(r"[A-Za-z0-9._+/-]+", path) or {"", ".", ".."} & set(parts):
        raise ValueError(f"{path!r} is not a plain relative path")
    return path


BundlePath = Annotated[str, Field(min_length=1, max_length=200)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Quantisation(_Frozen):
    """Affine quantisation of an integer tensor: real = scale · (stored − zero_point)."""

    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    zero_point: int


class Tensor(_Frozen):
    """One input or output of an artefact: which tensor of the part, and how the file stores it.

    ``name`` is the file's own. ``nc`` is the layout of ``anchors [1, A]``. Pixels (``x``,
    ``x_hat``) are real numbers in 0…1; integer tensors carry a quantisation, which for symbols is
    exactly (1, 0).
    """

    role: Role
    name: str
    layout: Layout
    dtype: DType
    shape: tuple[Annotated[int, Field(gt=0, lt=1 << 31)], ...]
    quantisation: Quantisation | None = None

    @model_validator(mode="after")
    def _integers_are_quantised(self) -> Self:
        if self.dtype in ("int8", "uint8"):
            if self.quantisation is None:
                raise ValueError(f"{self.role} is {self.dtype} without a quantisation")
            exact = self.quantisation == Quantisation(scale=1.0, zero_point=0)
            if self.role in ("y", "z") and not exact:
                raise ValueError(f"symbols {self.role} must have scale 1 and zero point 0")
        elif self.quantisation is not None:
            raise ValueError(f"{self.role} is {self.dtype} and cannot have a quantisation")
        return self


class Artefact(_Frozen):
    """One part as one runtime loads it; ``path`` is a file, or the folder of an ``.mlpackage``."""

    runtime: RuntimeName
    part: PartName
    precision: Precision
    path: BundlePath
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    @model_validator(mode="after")
    def _roles_are_those_of_the_part(self) -> Self:
        _check_path(self.path)
        expected = PART_ROLES[self.part]
        found = tuple(tuple(t.role for t in tensors) for tensors in (self.inputs, self.outputs))
        if tuple(map(sorted, found)) != tuple(map(sorted, expected)):
            raise ValueError(f"{self.path} has {found} instead of {expected}")
        return self

    @property
    def key(self) -> str:
        """``runtime/part/precision``: names the artefact within its bundle."""
        return f"{self.runtime}/{self.part}/{self.precision}"


class FileEntry(_Frozen):
    """Size in bytes and SHA-256 of one file."""

    size: Annotated[int, Field(ge=0)]
    sha256: Sha256


class Provenance(_Frozen):
    """What made the bundle: versions of packages, hash of the checkpoint if there was a file."""

    packages: dict[str, str]
    checkpoint_sha256: Sha256 | None = None


class Contents(_Frozen):
    """What the maker of a bundle states; hashes and sizes are added when it is sealed.

    ``preset``: name under which the codec's PyTorch form is shipped, if it is. ``anchor_table
    [levels][anchors]``: the level input of the float parts (float32 values). ``pixel_fingerprint``:
    see :func:`pico_deploy.bundle.fingerprint.pixel_fingerprint`, in hexadecimal.
    """

    codec: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    model_version: Annotated[str, Field(pattern=r"^[A-Za-z0-9._+-]+$")]
    preset: str | None = None
    geometry: Geometry
    anchor_table: tuple[tuple[float, ...], ...]
    pixel_fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    artefacts: tuple[Artefact, ...]
    provenance: Provenance

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        widths = {len(row) for row in self.anchor_table}
        if len(self.anchor_table) != self.geometry.levels or len(widths) != 1 or 0 in widths:
            raise ValueError(f"anchor_table must have {self.geometry.levels} rows of equal length")
        if any(abs(sum(row) - 1) > 1e-5 for row in self.anchor_table):
            raise ValueError("a row of anchor_table does not sum to 1")
        keys = [a.key for a in self.artefacts]
        if len(set(keys)) != len(keys):
            raise ValueError(f"artefacts repeat a (runtime, part, precision): {sorted(keys)}")
        return self

    def anchors(self, level: int) -> npt.NDArray[np.float32]:
        """Level input of the float parts, ``float32 [1, anchors]``."""
        return np.asarray([self.anchor_table[level]], np.float32)


class Manifest(Contents):
    """All of ``manifest.json``. ``files`` lists every file of the bundle but itself."""

    schema_version: Literal[1] = SCHEMA_VERSION
    entropy_fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    files: dict[str, FileEntry]

    @model_validator(mode="after")
    def _files_hold_the_artefacts(self) -> Self:
        for path in self.files:
            _check_path(path)
        if MANIFEST_NAME in self.files:
            raise ValueError(f"{MANIFEST_NAME} lists itself")
        if ENTROPY_NAME not in self.files:
            raise ValueError(f"{ENTROPY_NAME} is not among the files")
        for artefact in self.artefacts:
            if not any(p == artefact.path or p.startswith(artefact.path + "/") for p in self.files):
                raise ValueError(f"no file of artefact {artefact.path} is listed")
        return self


def float32_table(table: npt.NDArray[np.float32]) -> tuple[tuple[float, ...], ...]:
    """Shortest decimals that read back as the same float32 values."""
    return tuple(tuple(float(str(value)) for value in row) for row in table.astype(np.float32))


def to_json(manifest: Manifest) -> bytes:
    """Canonical bytes of ``manifest.json``: sorted keys, one row of numbers a line."""
    text = json.dumps(manifest.model_dump(mode="json"), indent=1, sort_keys=True)
    rows = re.sub(r"\[[-+.\de,\s]+\]", lambda m: re.sub(r"\s+", " ", m.group()), text)
    return (rows + "\n").encode()


def from_json(data: bytes) -> Manifest:
    """Inverse of :func:`to_json`; raises pydantic's ``ValidationError`` for anything else."""
    return Manifest.model_validate_json(data)
