"""``pico-deploy report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pico_deploy.cli import options
from pico_deploy.cli.console import print_result


def report(
    results: Annotated[list[Path], typer.Argument(help="Results that bench wrote.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The HTML file to write.")],
    budget: Annotated[
        Path | None, typer.Option(help="TOML with [budgets], judged on device results only.")
    ] = None,
    json: options.Json = False,
) -> None:
    """Turn results into one HTML file with tables and plots of the phases.

    With two results of the same device, the second is also compared with the first.
    """
    from pico_deploy.measure.report import write_report

    found = write_report(results, output, budget)
    lines = (f"{output}: {len(results)} result(s)", *found.notes)
    print_result(found, lines, json)
