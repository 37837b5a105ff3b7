"""``pico-deploy train``: run, resume and finish a training."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer


@contextmanager
def stop_after_step() -> Iterator[list[int]]:
    """Signals that came inside, for a loop to ask between steps; the second Ctrl-C interrupts as
    usual.
    """
    stopped: list[int] = []

    def note(number: int, _frame: object) -> None:
        if number == signal.SIGINT and number in stopped:
            raise KeyboardInterrupt
        stopped.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def train(
    config: Annotated[Path, typer.Argument(help="Training configuration (TOML).")],
    run: Annotated[Path, typer.Option(help="Folder of this run: state, log, weights.")],
    data: Annotated[
        Path | None, typer.Option(help="Folder of photos; subfolders are searched.")
    ] = None,
    pack: Annotated[Path | None, typer.Option(help="Or a pack of pico-deploy pack.")] = None,
    text: Annotated[Path | None, typer.Option(help="Folder of screenshots of text.")] = None,
    init_from: Annotated[
        Path | None,
        typer.Option(help="Weights to start from: a run, a .pt state, or a .safetensors."),
    ] = None,
    masks: Annotated[
        Path | None,
        typer.Option(help="File of text masks, kept there; default: RUN/text-masks.npz."),
    ] = None,
    max_minutes: Annotated[
        float | None, typer.Option(min=0, help="Save and stop after this time.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    compile: Annotated[  # the option's name
        bool, typer.Option("--compile", help="torch.compile; pays on GPUs and in long runs.")
    ] = False,
    finalise: Annotated[
        bool, typer.Option(help="At the end, calibrate the integers and write the weights.")
    ] = True,
    entropy_from: Annotated[
        Path | None,
        typer.Option(help="Keep the entropy models of this .safetensors: only transforms learned."),
    ] = None,
    difference_to: Annotated[
        Path | None,
        typer.Option(help="Train, and write, what a difference to this .safetensors holds."),
    ] = None,
    finish: Annotated[
        bool, typer.Option("--finish", help="Train no further; write the best weights so far.")
    ] = False,
) -> None:
    """Train a preset; continues from RUN when it holds a state. Ctrl-C or SIGTERM ends the step,
    saves and stops; a second Ctrl-C stops at once, without saving.
    """
    from rich.console import Console

    from pico_deploy.cli.steps import StepProgress
    from pico_deploy.errors import UsageError
    from pico_deploy.outputs import make_folder
    from pico_deploy.training import curves
    from pico_deploy.training import finalise as finalising
    from pico_deploy.training.config import load_config
    from pico_deploy.training.journal import LOG_FILE
    from pico_deploy.training.recipe import Trainer
    from pico_deploy.training.sources import open_photos
    from pico_deploy.training.team import join_team

    kept = None
    if entropy_from is not None and difference_to is not None:
        raise UsageError("--difference-to keeps the entropy models of its base: no --entropy-from")
    if source := difference_to or entropy_from:
        from pico_deploy.codecs.trained import TrainedPico

        kept = TrainedPico.load(source)
    settings = load_config(config)
    if not finish:
        make_folder(run)  # before anything is computed that would go there
    team = join_team(settings.batch, device)
    console = Console(stderr=True, quiet=not team.leads)
    if not team.leads:
        team.wait()  # what the leading process finds in the photos need not be looked for again
    photos = open_photos(
        settings, data, pack, text, None if finish else masks or run / "text-masks.npz",
        console.print,
    )  # fmt: skip
    if team.leads:
        team.wait()
    trainer = Trainer(settings, photos, run, device, init_from, team, difference_to)
    if trainer.resume():
        console.print(f"resumed at step {trainer.step}")
    if kept is not None:
        finalising.check_meaning(trainer.codec, kept)
    if compile:
        trainer.compile()
    if not finish:
        end = time.monotonic() + 60 * (max_minutes if max_minutes is not None else float("inf"))
        with StepProgress("train", quiet=not team.leads) as bar, stop_after_step() as stopped:
            trainer.fit(
                lambda p: bar.step(p.step, p.steps, str(p)),
                lambda: bool(stopped) or time.monotonic() >= end,
            )
        if signal.SIGINT in stopped:
            raise KeyboardInterrupt
    if team.leads and (finish or (finalise and trainer.step >= settings.steps)):
        codec, step = trainer.best_codec()
        console.print(f"finishing the weights of step {step}")
        weights = finalising.finalise(
            codec,
            photos,
            run / f"{settings.preset}.safetensors",
            entropy_from=kept,
            difference_to=difference_to,
        )
        if (run / LOG_FILE).exists():
            curves.plot(run / LOG_FILE, run / "curves.png")
        console.print(f"weights: {weights}")
