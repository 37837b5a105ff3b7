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
        str | None,
        typer.Option(help="A profile's name, or TOML with [budgets]; judged on devices only."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Turn results into one HTML file with tables and plots of the phases.

    With two results of the same device, the second is also compared with the first.
    """
    from pico_deploy.measure.report import write_report
    from targets.verdicts import find

    found = write_report(results, output, None if budget is None else find(budget).judge)
    lines = (f"{output}: {len(results)} result(s)", *found.notes)
    print_result(found, lines, json)
