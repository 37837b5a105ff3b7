"""``pico-deploy difference``: a fine-tuned checkpoint as what it moved."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def difference(
    weights: Annotated[Path, typer.Argument(help="The finished checkpoint (.safetensors).")],
    base: Annotated[Path, typer.Option(help="The checkpoint that it was fine-tuned from.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The difference, in BASE's folder.")],
) -> None:
    """Store a checkpoint as its difference to another, rounded to whole steps. It loads like any
    checkpoint as long as BASE lies beside it; to be converted or evaluated is this rounded one.
    """
    from pico_deploy.codecs.trained import TrainedPico
    from pico_deploy.errors import UsageError

    if out.parent.resolve() != base.parent.resolve():
        raise UsageError(f"a difference lies beside its base: write it to {base.parent / out.name}")
    if out.resolve() == base.resolve():
        raise UsageError(f"{out} is the base itself; give the difference a name of its own")
    TrainedPico.load(weights).save(out, base)
    typer.echo(f"written: {out} ({out.stat().st_size / 1e6:.2f} MB, with {base.name} beside it)")
