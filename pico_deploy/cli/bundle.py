"""``pico-deploy bundle diff`` and ``bundle verify``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pico_deploy.cli import options
from pico_deploy.cli.console import human_bytes, print_result

if TYPE_CHECKING:
    from pico_deploy.bundle.diff import BundleDiff

DIFFERENT = 1

app = typer.Typer(
    help="Compare or verify bundles.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


def _diff_lines(result: BundleDiff) -> Iterator[str]:
    if result.equal:
        yield "the bundles are identical"
        return
    streams = "the same symbols" if result.streams_compatible else "no stream of the other"
    pixels = "the same" if result.pixels_compatible else "different"
    yield f"they decode {streams}; synthesis weights are {pixels}"
    for change in result.fields:
        yield f"  {change.field}: {change.before} -> {change.after}"
    for file in result.files:
        sizes = [
            "absent" if size is None else human_bytes(size)
            for size in (file.before_bytes, file.after_bytes)
        ]
        yield f"  {file.path}: {' -> '.join(sizes)}"


@app.command()
def diff(
    before: Annotated[Path, typer.Argument(help="A bundle.")],
    after: Annotated[Path, typer.Argument(help="Another one.")],
    json: options.Json = False,
) -> None:
    """Say what changed from one bundle to another; exit 0 when nothing did, 1 otherwise."""
    from pico_deploy.bundle.diff import diff as compare
    from pico_deploy.bundle.read import open_bundle

    with open_bundle(before) as a, open_bundle(after) as b:
        result = compare(a, b)
    print_result(result, _diff_lines(result), json)
    if not result.equal:
        raise typer.Exit(DIFFERENT)


@app.command()
def verify(
    path: Annotated[Path, typer.Argument(help="A bundle.")], json: options.Json = False
) -> None:
    """Check every hash, that no file is missing or extra, and that the core accepts the model."""
    from pico_deploy.runtime.session import Session

    with Session.open(path) as session:
        count, size = len(session.manifest.files), session.bundle.size
        result = {"path": path, "files": count, "size_bytes": size}
        print_result(result, [f"{path}: {count} files, {human_bytes(size)}, all as sealed"], json)
