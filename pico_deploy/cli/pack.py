"""``pico-deploy pack``: a small file of crops to train from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def pack(
    photos: Annotated[Path, typer.Argument(help="Folder of photos; subfolders are searched.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The pack, a .zip.")],
    text: Annotated[Path | None, typer.Option(help="Folder of screenshots of text.")] = None,
    licences: Annotated[
        Path | None,
        typer.Option(help="Tab-separated list with columns file, licence, author, source."),
    ] = None,
    crop: Annotated[int, typer.Option(min=128, help="Side of the crops, pixels.")] = 512,
    quality: Annotated[
        int, typer.Option(min=1, max=100, help="Of WebP; 100 is lossless. Text always is.")
    ] = 95,
    limit_mb: Annotated[float, typer.Option(min=0.1, help="Largest size, megabytes.")] = 60,
    seed: Annotated[int, typer.Option(help="Decides which crops are taken.")] = 0,
) -> None:
    """Make a training pack of a folder of photos: crops, WebP, without near-duplicates."""
    from rich.console import Console

    from pico_deploy.training import pack as packing

    console = Console(stderr=True)
    known = {} if licences is None else packing.licences(licences)
    options = packing.PackOptions(crop, quality, int(limit_mb * 1_000_000), seed)
    with console.status("0 crops") as status:
        made = packing.write_pack(
            photos, text, out, options, known, console.print,
            lambda crops: status.update(f"{crops} crops"),
        )  # fmt: skip
    unknown = sum(source.licence is None for source in (*made.photos, *made.texts))
    typer.echo(
        f"{out}: {out.stat().st_size / 1e6:.1f} MB, {len(made.crops)} crops of "
        f"{len(made.photos)} photos and {len(made.texts)} pictures of text; "
        f"{made.near_duplicates} near-duplicates left out, {len(made.skipped)} files skipped, "
        f"{unknown} without a known licence"
    )
