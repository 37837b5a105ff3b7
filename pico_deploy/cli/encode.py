"""``pico-deploy encode``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pico_deploy.cli import options
from pico_deploy.cli.console import human_bytes, human_ms, print_result, print_warnings
from pico_deploy.cli.progress import ProgressObserver


def encode(
    photo: Annotated[Path, typer.Argument(help="JPEG, PNG, WebP, AVIF, TIFF, HEIC or PPM.")],
    stream: Annotated[Path, typer.Argument(help="The .pico file to write.")],
    bundle: options.Bundle,
    level: Annotated[
        int | None, typer.Option(min=0, help="Quality level; default 40.", show_default=False)
    ] = None,
    target_size: Annotated[
        int | None,
        typer.Option(
            parser=options.parse_bytes,
            metavar="SIZE",
            help="Search the highest level whose file fits: 250000, 250k, 1.2MB.",
        ),
    ] = None,
    target_bpp: Annotated[
        float | None, typer.Option(help="The same for bits per pixel, for example 0.25.")
    ] = None,
    runtime: options.Runtime = "onnx",
    precision: options.PrecisionName = None,
    threads: options.Threads = 0,
    weights: options.Weights = None,
    codec: options.CodecClass = None,
    exif: Annotated[bool, typer.Option("--exif", help="Keep EXIF (it may hold a place).")] = False,
    raw_size: Annotated[
        options.PixelSize | None,
        typer.Option(
            parser=options.parse_pixel_size,
            metavar="WxH",
            help="The photo is bare 8-bit RGB samples of this size, for example 4032x3024.",
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Encode a photo into a .pico stream on this machine.

    The photo is turned upright as its EXIF says; its ICC profile travels in the stream.
    """
    from pico_deploy.runtime.backend import BackendOptions, parse_precision
    from pico_deploy.runtime.files import Quality, encode_file
    from pico_deploy.runtime.session import Session

    quality = Quality.chosen(level, target_size, target_bpp)
    settings = BackendOptions(threads, weights, codec)
    with Session.open(bundle) as session, ProgressObserver(quiet=json) as observer:
        analysis = session.load("analysis", runtime, parse_precision(precision), settings)
        result = encode_file(
            photo,
            stream,
            session,
            analysis,
            quality,
            keep_exif=exif,
            raw_size=raw_size,
            observer=observer,
        )
    report = result.runtime
    lines = (
        f"{stream}: {result.width}×{result.height} in {human_bytes(result.size_bytes)}, "
        f"{result.bits_per_pixel:.3f} bpp, level {result.level}",
        f"analysis: {report.library} {report.version} ({report.precision}), "
        f"loaded in {human_ms(report.load_ns)}",
        *result.notes,
    )
    print_result(result, lines, json)
    print_warnings(result.warnings)
