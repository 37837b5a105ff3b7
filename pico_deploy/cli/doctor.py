"""``pico-deploy doctor``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pico_deploy.cli import options
from pico_deploy.cli.console import print_result

if TYPE_CHECKING:
    from pico_deploy.runtime.doctor import Check

_MARKS = {"yes": "+", "no": "-", "limited": "!"}


def _lines(checks: list[Check]) -> Iterator[str]:
    group = ""
    for check in checks:
        if check.group != group:
            group = check.group
            yield f"{group}:"
        yield f"  {_MARKS[check.status]} {check.name}: {check.found} - for {check.unlocks}"
        if check.remedy:
            yield f"      {check.remedy}"


def doctor(json: options.Json = False) -> None:
    """Show what can and what cannot be checked on this machine, and why."""
    from pico_deploy.conformance.matrix.tools import examine_matrix
    from pico_deploy.runtime.doctor import examine

    checks = [*examine(), *examine_matrix()]
    print_result({"checks": checks}, _lines(checks), json)
