"""``pico-deploy evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pico_deploy.cli import options
from pico_deploy.cli.console import print_result
from pico_deploy.cli.steps import StepProgress


def evaluate(
    bundle: options.Bundle,
    images: Annotated[Path, typer.Option(help="Folder of photos, for example Kodak.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for tables, plot and cache.")],
    runtime: options.Runtime = "onnx",
    precision: options.PrecisionName = None,
    level: Annotated[
        list[int] | None,
        typer.Option(min=0, help="Levels of the curve; default: the anchors.", show_default=False),
    ] = None,
    peer: Annotated[
        list[str] | None,
        typer.Option(help="Only these peers; may be repeated.", show_default=False),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Only PSNR and these metrics; may be repeated.", show_default=False),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(help="File of earlier results; default: OUT/cache.jsonl.", show_default=False),
    ] = None,
    threads: options.Threads = 0,
    weights: Annotated[
        Path | None,
        typer.Option(help="Checkpoint: report what integers cost against its float scale decoder."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Rate and distortion on a folder of photos against the codecs of today.

    Peers: jpeg, webp, avif, heic, jxl, jpeg2000, vvc. Metrics: psnr, ms-ssim, ssimulacra2, lpips,
    text, seams. Sizes are those of whole files, BD-rate is taken on each photo and then averaged.
    Every figure is kept in the cache; a stopped evaluation goes on there.
    """
    from pico_deploy.evaluation.report import write
    from pico_deploy.evaluation.result import as_data
    from pico_deploy.evaluation.run import Job
    from pico_deploy.evaluation.run import evaluate as run
    from pico_deploy.evaluation.tables import markdown
    from pico_deploy.runtime.backend import BackendOptions, parse_precision

    job = Job(
        bundle=bundle,
        images=images,
        out=out,
        runtime=runtime,
        precision=parse_precision(precision),
        levels=tuple(level or ()),
        peers=tuple(peer or ()),
        metrics=tuple(metric or ()),
        cache=cache,
        weights=weights,
        options=BackendOptions(threads, weights),
    )
    with StepProgress("evaluate", quiet=json) as progress:
        evaluation = run(job, progress.step)
    paths = write(evaluation, out)
    lines = (markdown(evaluation), *(f"written: {path}" for path in paths))
    print_result(as_data(evaluation), lines, json)
