"""The formats a codec is converted to: parts in, artefacts below a folder out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from converters import int8
from converters.coreml import convert_coreml
from converters.export import ExportedPart, export_part
from converters.onnx import convert_onnx
from converters.parity import Candidate, Point
from converters.runners import open_runner
from converters.tflite import convert_tflite, finish, lower, write
from pico_deploy.bundle import Artefact
from pico_deploy.bundle.manifest import PartName
from pico_deploy.codecs.protocol import ACCELERATOR_PARTS, Codec, Parts

Format = Literal["onnx", "coreml", "tflite"]
FORMATS: tuple[Format, ...] = ("onnx", "coreml", "tflite")

SYMBOLS = ("z", "y")

CHECKED_WITH = {
    "onnx": "ONNX Runtime, CPU",
    "coreml": "MIL checker, results rounded to fp16 (a checker, not a runtime)",
    "tflite": "LiteRT, CPU",
}

Step = Callable[[str], None]
"""Called with what comes next."""


@dataclass(frozen=True)
class Int8Source:
    """What int8 of ``synthesis`` is made from: its NHWC export and the lowered float model."""

    exported: ExportedPart
    lowered: bytes


@dataclass(frozen=True)
class Converted:
    """Artefacts that were written, the NCHW parts they came from, and the source of int8."""

    artefacts: tuple[Artefact, ...]
    nchw: tuple[ExportedPart, ...]
    int8_source: Int8Source | None


def conversions(formats: Sequence[Format]) -> int:
    """How many steps :func:`convert_parts` reports."""
    return len(ACCELERATOR_PARTS) * (1 + sum(2 if f == "tflite" else 1 for f in formats))


def convert_parts(
    codec: Codec,
    crd: Parts,
    formats: Sequence[Format],
    folder: Path,
    step: Step,
    *,
    tflite_fp16: bool = True,
) -> Converted:
    """Write every float artefact of ``formats``. ``crd``: the codec's parts in that order.

    Raises ``ConversionError``.
    """
    artefacts: list[Artefact] = []
    nchw: list[ExportedPart] = []
    int8_source: Int8Source | None = None
    dcr = codec.parts("dcr") if "tflite" in formats else crd
    for part in ACCELERATOR_PARTS:
        step(f"tracing {part}")
        exported = export_part(codec, crd, part, "nchw")
        nchw.append(exported)
        if "onnx" in formats:
            step(f"{part} to ONNX")
            artefacts.append(convert_onnx(exported, folder))
        if "coreml" in formats:
            step(f"{part} to Core ML")
            artefacts.append(convert_coreml(exported, folder))
        if "tflite" in formats:
            step(f"tracing {part}, channels last")
            exported = export_part(codec, dcr, part, "nhwc")
            step(f"{part} to TFLite")
            lowered = lower(exported)
            artefacts.append(convert_tflite(exported, lowered, "fp32", folder))
            if tflite_fp16:
                artefacts.append(convert_tflite(exported, lowered, "fp16", folder))
            if part == "synthesis":
                int8_source = Int8Source(exported, lowered)
    return Converted(tuple(artefacts), tuple(nchw), int8_source)


def candidate(artefact: Artefact, folder: Path, variant: str = "") -> Candidate:
    """Reload an artefact for the gates."""
    return Candidate(
        artefact, open_runner(artefact, folder), CHECKED_WITH[artefact.runtime], variant
    )


def int8_path(part: PartName) -> str:
    """Where the int8 artefact lies in the bundle."""
    return f"tflite/{part}.int8.tflite"


def calibration(points: Sequence[Point], source: Int8Source) -> int8.Ranges:
    """Ranges of every tensor of ``synthesis`` over the gates' own points."""
    samples = (
        {
            role: array.transpose(0, 2, 3, 1) if array.ndim == 4 else array
            for role, array in point.synthesis_inputs().items()
        }
        for point in points
    )
    return int8.calibrate(source.lowered, samples)


def int8_artefact(
    source: Int8Source, ranges: int8.Ranges, recipe: int8.Recipe, folder: Path
) -> tuple[Artefact, int8.Int8Summary]:
    """Write ``synthesis`` quantised by ``recipe`` below ``folder``."""
    quantised, summary = int8.quantise(source.lowered, ranges, SYMBOLS, recipe)
    data = finish(quantised, "int8")
    int8.assert_exact_symbols(data, SYMBOLS)
    path = int8_path("synthesis")
    write(folder / path, data)
    return source.exported.artefact("tflite", "int8", path, "float32"), summary
