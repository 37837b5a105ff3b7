"""``pico-deploy card``: the model card of a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def card(
    weights: Annotated[Path, typer.Argument(help="The finished checkpoint (.safetensors).")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The card, Markdown.")],
    recipe: Annotated[list[Path], typer.Option(help="Recipe (TOML), one for each stage.")],
    run: Annotated[
        list[Path] | None, typer.Option(help="Folder of each stage's run, in the same order.")
    ] = None,
    data: Annotated[
        list[Path] | None, typer.Option(help="Tab-separated list of files with licences.")
    ] = None,
    evaluation: Annotated[
        Path | None, typer.Option(help="evaluation.json of pico-deploy evaluate.")
    ] = None,
    notes: Annotated[
        Path | None, typer.Option(help="Markdown that goes in as it is: known failures.")
    ] = None,
) -> None:
    """Write a model card whose figures come from the files of training and evaluation."""
    from pico_deploy.outputs import write_bytes
    from pico_deploy.training.card import CardSources
    from pico_deploy.training.card import card as make

    sources = CardSources(
        weights, tuple(recipe), tuple(run or ()), tuple(data or ()), evaluation, notes
    )
    write_bytes(out, make(sources).encode())
    typer.echo(f"written: {out}")
