"""``pico-deploy decode``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pico_deploy.cli import options
from pico_deploy.cli.console import human_ms, print_result, print_warnings
from pico_deploy.cli.progress import ProgressObserver
from pico_deploy.errors import ConcealedError


def decode(
    stream: Annotated[Path, typer.Argument(help="The .pico file.")],
    picture: Annotated[
        Path, typer.Argument(help="PNG, JPEG, WebP, AVIF, TIFF, BMP, PPM or bare RGB (.rgb).")
    ],
    bundle: options.Bundle,
    runtime: options.Runtime = "onnx",
    precision: options.PrecisionName = None,
    threads: options.Threads = 0,
    weights: options.Weights = None,
    codec: options.CodecClass = None,
    conceal: Annotated[
        bool, typer.Option("--conceal", help="Write a damaged picture, lost tiles grey; exit 14.")
    ] = False,
    any_pixel_model: Annotated[
        bool,
        typer.Option("--any-pixel-model", help="Decode with synthesis weights of another model."),
    ] = False,
    json: options.Json = False,
) -> None:
    """Decode a .pico stream into a picture on this machine; the suffix chooses the format."""
    from pico_deploy.runtime.backend import BackendOptions, parse_precision
    from pico_deploy.runtime.files import decode_file
    from pico_deploy.runtime.session import Session

    settings = BackendOptions(threads, weights, codec)
    with Session.open(bundle) as session, ProgressObserver(quiet=json) as observer:
        synthesis = session.load("synthesis", runtime, parse_precision(precision), settings)
        result = decode_file(
            stream,
            picture,
            session,
            synthesis,
            conceal=conceal,
            any_pixel_model=any_pixel_model,
            observer=observer,
        )
    report = result.runtime
    lost = f", {len(result.lost_tiles)} of them lost and grey" if result.lost_tiles else ""
    lines = (
        f"{picture}: {result.width}×{result.height}, {result.tiles} tiles{lost}",
        f"synthesis: {report.library} {report.version} ({report.precision}), "
        f"loaded in {human_ms(report.load_ns)}",
        *result.notes,
    )
    print_result(result, lines, json)
    print_warnings(result.warnings)
    if result.lost_tiles:
        raise typer.Exit(ConcealedError.exit_code)
