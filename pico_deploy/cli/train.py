"""``pico-deploy train``: run, resume and finish a training."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer


def train(
    config: Annotated[Path, typer.Argument(help="Training configuration (TOML).")],
    data: Annotated[Path, typer.Option(help="Folder of photos; subfolders are searched.")],
    run: Annotated[Path, typer.Option(help="Folder of this run: state, log, weights.")],
    text: Annotated[Path | None, typer.Option(help="Folder of screenshots of text.")] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    finalise: Annotated[
        bool, typer.Option(help="At the end, calibrate the integers and write the weights.")
    ] = True,
) -> None:
    """Train a preset; continues from RUN when it holds a state. Ctrl-C or SIGTERM saves and
    stops.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from pico_deploy.training import curves, recipe
    from pico_deploy.training import finalise as finalising
    from pico_deploy.training.config import load_config
    from pico_deploy.training.data import load_photos

    console = Console(stderr=True)
    settings = load_config(config)
    photos = load_photos(data, text, settings.crop, settings.holdout_every, console.print)
    if photos.skipped:
        console.print(f"{len(photos.skipped)} file(s) skipped")
    trainer = recipe.Trainer(settings, photos, run, device)
    if trainer.resume():
        console.print(f"resumed at step {trainer.step}")
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopped.append(number))
    columns = (
        TextColumn("step {task.completed}/{task.total}"),
        BarColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("train", total=settings.steps, completed=trainer.step, figures="")

        def report(p: recipe.Progress) -> None:
            figures = (
                f"loss {p.loss:.3f}  {p.bits_per_pixel:.3f} bpp  mse {p.mse:.1f}  "
                f"{p.megapixels_per_second:.2f} Mpx/s"
            )
            bar.update(task, completed=p.step, figures=figures)

        trainer.fit(report, lambda: bool(stopped))
    if finalise and trainer.step >= settings.steps:
        weights = finalising.finalise(
            trainer.averaged, photos, run / f"{settings.preset}.safetensors"
        )
        curves.plot(run / recipe.LOG_FILE, run / "curves.png")
        console.print(f"weights: {weights}")
