"""Options that several commands share."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

_UNITS = {
    "": 1,
    "b": 1,
    "k": 1000,
    "kb": 1000,
    "kib": 1024,
    "m": 10**6,
    "mb": 10**6,
    "mib": 1 << 20,
}


def parse_bytes(text: str) -> int:
    """Read a size such as ``250000``, ``250k``, ``1.2MB`` or ``300KiB``."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", text.strip())
    if match is None or match[2].lower() not in _UNITS:
        raise typer.BadParameter(f"{text!r} is no size; write 250000, 250k, 1.2MB or 300KiB")
    return int(float(match[1]) * _UNITS[match[2].lower()])


class PixelSize(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int


def parse_pixel_size(text: str) -> PixelSize:
    """Read a size such as ``4032x3024``."""
    match = re.fullmatch(r"([1-9]\d{0,5})[x×]([1-9]\d{0,5})", text.strip())
    if match is None:
        raise typer.BadParameter(f"{text!r} is no size; write WIDTHxHEIGHT, for example 4032x3024")
    return PixelSize(int(match[1]), int(match[2]))


Bundle = Annotated[
    Path, typer.Option("--bundle", "-b", help="Bundle: the folder or .zip that convert wrote.")
]
Runtime = Annotated[str, typer.Option(help="onnx, tflite or torch.")]
PrecisionName = Annotated[
    str | None,
    typer.Option("--precision", help="fp32, fp16 or int8; default: the most exact the bundle has."),
]
Threads = Annotated[int, typer.Option(min=0, help="Threads of the runtime; 0: its own choice.")]
Weights = Annotated[
    Path | None,
    typer.Option(help="Checkpoint for --runtime torch; default: the preset the bundle names."),
]


def _import_from_here(reference: str | None) -> str | None:
    # An installed script does not look into the working folder, where a user's own codec may lie.
    # Last on the path, so that nothing there can shadow an installed package.
    if reference is not None and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    return reference


CodecClass = Annotated[
    str | None,
    typer.Option(
        "--codec",
        callback=_import_from_here,
        help="package.module:Class that loads the checkpoint, if it is not PICO.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print data instead of text.")]
