"""``pico-deploy devices``."""

from __future__ import annotations

from typing import Annotated

import typer

from pico_deploy.cli import options
from pico_deploy.cli.console import print_result


def devices(
    profiles: Annotated[
        bool, typer.Option("--profiles", help="List device profiles and their budgets instead.")
    ] = False,
    json: options.Json = False,
) -> None:
    """List the targets that bench can measure on now, and why others are missing."""
    from targets import listing, profile

    if profiles:
        if json:
            found = {name: profile.load(name) for name in profile.names()}
            print_result({"profiles": found}, (), json)
            return
        from pico_deploy.cli.tables import plain_table, print_tables

        table = plain_table("Device profiles", listing.PROFILE_COLUMNS, listing.profile_rows())
        print_tables(iter([table]))
        return
    listed = listing.devices()
    width = max(len(entry.address or entry.target) for entry in listed)
    lines = [
        f"{'+' if entry.address else '-'} {entry.address or entry.target:{width}}  "
        f"{entry.problem or entry.summary}"
        for entry in listed
    ]
    print_result({"targets": listed}, lines, json)
