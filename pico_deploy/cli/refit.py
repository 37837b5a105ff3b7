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
    hyper: Annotated[
        bool,
        typer.Option(help="Train hyper-analysis for it too: another codec, named like OUT."),
    ] = False,
) -> None:
    """Fit the linear scale decoder of finished weights again, through its integers. All else stays,
    bit for bit, and so do the streams of the conv one; those of the linear one change. With --hyper
    z changes, so what comes out has the linear one alone and reads no streams of others.
    """
    from rich.console import Console

    from pico_deploy.cli.steps import StepProgress
    from pico_deploy.codecs.trained import TrainedPico
    from pico_deploy.errors import UsageError
    from pico_deploy.outputs import make_folder
    from pico_deploy.training.config import TrainConfig
    from pico_deploy.training.data import load_photos
    from pico_deploy.training.finalise import refit_hyper, refit_linear

    if hyper and channel:
        raise UsageError("--hyper is for all channels; leave out --channel")
    codec = TrainedPico.load(weights)
    if hyper and out.stem == codec.name:
        raise UsageError(f"with --hyper it is another codec than {codec.name}: name OUT otherwise")
    make_folder(out.parent)  # before anything is computed that would go there
    console = Console(stderr=True)
    held_out = TrainConfig.model_fields["holdout_every"].default
    photos = load_photos(data, None, codec.config.tile, held_out, console.print)
    with StepProgress("refit") as bar:

        def step(done: int, total: int, what: str) -> None:
            if done == 1:  # several kinds of steps, one after the other
                bar.restart()
            bar.step(done, total, what)

        if hyper:
            fitted = refit_hyper(codec, photos, out.stem, step)
        else:
            fitted = refit_linear(codec, photos, channel, step)
    fitted.save(out)
    typer.echo(f"written: {out}")
