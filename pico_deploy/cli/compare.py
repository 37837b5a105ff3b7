"""``pico-deploy compare``: pictures of several codecs at equal size."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pico_deploy.cli import options
from pico_deploy.cli.steps import StepProgress


def compare(
    bundle: Annotated[
        list[Path],
        typer.Option("--bundle", "-b", help="As convert wrote it; the first sets the file size."),
    ],
    crops: Annotated[Path, typer.Option(help="List of crops (TOML), as benchmarks/crops.toml.")],
    photos: Annotated[
        list[Path], typer.Option(help="Folder of photos that the list names; may be repeated.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for compare.md and pictures/.")],
    runtime: options.Runtime = "onnx",
    threads: options.Threads = 0,
) -> None:
    """Show crops of photos by bundles and the codecs of today, from files of equal size."""
    from pico_deploy.evaluation.page import write_page
    from pico_deploy.runtime.backend import BackendOptions

    with StepProgress("compare") as progress:
        settings = BackendOptions(threads)
        paths = write_page(bundle, crops, photos, out, runtime, settings, progress.step)
    for path in paths:
        typer.echo(f"written: {path}")
