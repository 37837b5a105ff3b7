"""``pico-deploy verify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pico_deploy.cli import options
from pico_deploy.cli.console import print_result
from pico_deploy.cli.steps import StepProgress
from pico_deploy.errors import VerificationError


def verify(
    bundle: Annotated[Path, typer.Argument(help="Bundle: the folder or .zip.")],
    photos: Annotated[
        list[Path] | None,
        typer.Argument(help="Photos to code instead of the built-in images.", show_default=False),
    ] = None,
    runtime: Annotated[
        list[str] | None,
        typer.Option(help="Only these runtimes; may be repeated.", show_default=False),
    ] = None,
    level: Annotated[
        list[int] | None,
        typer.Option(
            min=0, help="Levels, taken in turn; default: the anchors.", show_default=False
        ),
    ] = None,
    threads: options.Threads = 0,
    weights: options.Weights = None,
    codec: options.CodecClass = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the JSON here too.")
    ] = None,
    json: options.Json = False,
) -> None:
    """Check that streams of a bundle mean the same everywhere this machine can look.

    Encodes on every runtime and decodes on every runtime. Exact tier: the symbols that analysis
    emitted come back from every kernel set of the core and from the NumPy reference. Tolerance
    tier: pixels of every pair lie within the limits of their class. Exit 11 when anything differs.
    """
    from pico_deploy.conformance.summary import verdict_line
    from pico_deploy.conformance.verify import Job, verify_bundle
    from pico_deploy.runtime.backend import BackendOptions

    job = Job(
        bundle=bundle,
        photos=tuple(photos or ()),
        runtimes=tuple(runtime or ()),
        levels=tuple(level or ()),
        options=BackendOptions(threads, weights, codec),
    )
    with StepProgress("verify", quiet=json) as progress:
        found = verify_bundle(job, progress.step)
    if output is not None:
        from pico_deploy.outputs import write_bytes

        write_bytes(output, found.model_dump_json(indent=1).encode() + b"\n")
    if not json:
        from pico_deploy.cli.tables import print_tables, verification_tables

        print_tables(verification_tables(found))
    print_result(found, (verdict_line(found),), json)
    if not found.passed:
        if json:
            raise typer.Exit(VerificationError.exit_code)
        found.require()
