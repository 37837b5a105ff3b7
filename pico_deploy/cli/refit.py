"""``pico-deploy refit``: the linear scale decoder of finished weights, fitted again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def refit(
    weights: Annotated[Path, typer.Argument(help="The finished checkpoint (.safetensors).")],
    data: Annotated[Path, typer.Option(help="Folder of photos; subfolders are searched.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The checkpoint to write.")],
    channel: Annotated[
        list[int] | None,
        typer.Option(min=0, help="Only for this channel of y; may be repeated; default: all."),
    ] = None,
) -> None:
    """Fit the linear scale decoder of finished weights again, through its integers. All else stays,
    bit for bit, and so do the streams of the conv one; those of the linear one change.
    """
    from rich.console import Console

    from pico_deploy.cli.steps import StepProgress
    from pico_deploy.codecs.trained import TrainedPico
    from pico_deploy.outputs import make_folder
    from pico_deploy.training.config import TrainConfig
    from pico_deploy.training.data import load_photos
    from pico_deploy.training.finalise import refit_linear

    codec = TrainedPico.load(weights)
    make_folder(out.parent)  # before anything is computed that would go there
    console = Console(stderr=True)
    held_out = TrainConfig.model_fields["holdout_every"].default
    photos = load_photos(data, None, codec.config.tile, held_out, console.print)
    with StepProgress("refit") as bar:
        fitted = refit_linear(codec, photos, channel, bar.step)
    fitted.save(out)
    typer.echo(f"written: {out}")
