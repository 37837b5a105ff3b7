"""``pico-deploy convert``."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pico_deploy.cli import options
from pico_deploy.cli.console import human_bytes, print_result
from pico_deploy.cli.steps import StepProgress
from pico_deploy.errors import UsageError

if TYPE_CHECKING:
    from converters.convert import Conversion


class FormatName(Enum):
    """Formats a codec is converted to."""

    onnx = "onnx"
    coreml = "coreml"
    tflite = "tflite"


class ScaleDecoder(Enum):
    """Shapes of the integer scale decoder."""

    conv = "conv"
    linear = "linear"


def _lines(result: Conversion) -> Iterator[str]:
    size = sum(entry.size for entry in result.manifest.files.values())
    yield f"{result.bundle}: {len(result.manifest.artefacts)} artefacts, {human_bytes(size)}"
    for artefact in result.parity.artefacts:
        outcome = "; ".join(artefact.failures) or "passed"
        name = f"{artefact.artefact} {artefact.variant}".rstrip()
        kept = "" if artefact.shipped else ", not kept"
        yield f"  {name}: {outcome} ({artefact.checked_with}{kept})"
    yield f"reports: {result.reports}"


def convert(
    source: Annotated[
        str | None,
        typer.Argument(
            help="A shipped preset such as pico-s, or a .safetensors or .pt checkpoint."
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The bundle: a folder, or a zip if so named.")
    ] = ...,  # type: ignore[assignment]
    codec: options.CodecClass = None,
    weights: Annotated[
        Path | None, typer.Option(help="Checkpoint of --codec, when it is not SOURCE.")
    ] = None,
    format: Annotated[
        list[FormatName] | None,
        typer.Option(help="Only this one; may be repeated; default: all.", show_default=False),
    ] = None,
    int8: Annotated[bool, typer.Option(help="Make an int8 synthesis for TFLite too.")] = True,
    fp16: Annotated[bool, typer.Option(help="Make fp16 parts for TFLite too.")] = True,
    scale_decoder: Annotated[
        ScaleDecoder | None, typer.Option(help="Default: what the checkpoint prefers.")
    ] = None,
    model_version: Annotated[str, typer.Option(help="Version the manifest states.")] = "1",
    tiles: Annotated[
        Path | None,
        typer.Option(
            help="Folder of pictures for calibration and gates; default: the shipped ones."
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Turn a trained codec into a bundle: convert, reload what was written, and pass the gates.

    Reports (parity, headroom, placement, proof) lie beside the bundle. Without a pass of every
    gate there is no bundle.
    """
    from converters.convert import convert as convert_codec
    from converters.formats import FORMATS
    from converters.tiles import FOLDER
    from pico_deploy.codecs.registry import find_codec

    if source is None and weights is None:
        raise UsageError("give a preset or a checkpoint, or --codec with --weights")
    found = find_codec(
        source or str(weights),
        reference=codec,
        scale_decoder=scale_decoder.value if scale_decoder else None,
    )
    with StepProgress("convert", quiet=json) as progress:
        result = convert_codec(
            found.codec,
            output,
            formats=[f.value for f in format] if format else FORMATS,
            with_int8=int8,
            with_fp16=fp16,
            model_version=model_version,
            preset=found.preset,
            checkpoint=found.checkpoint,
            tiles=tiles or FOLDER,
            progress=progress.step,
        )
    print_result(result, _lines(result), json)
