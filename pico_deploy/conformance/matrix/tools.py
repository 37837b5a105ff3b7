"""The tools of the matrix, for ``doctor``: which are here, and which platforms want each."""

from __future__ import annotations

from collections.abc import Iterable

from pico_deploy.conformance.matrix.needs import Need
from pico_deploy.conformance.matrix.platforms import cells
from pico_deploy.runtime.doctor import Check

GROUP = "conformance matrix"


def examine_matrix() -> list[Check]:
    """A check for each compiler, library, emulator and engine that a cell of the matrix needs."""
    builds: dict[Need, dict[str, None]] = {}
    runs: dict[Need, dict[str, None]] = {}
    for cell in cells():
        name = cell.platform.name
        for need in (cell.need, *cell.platform.builds_with):
            builds.setdefault(need, {})[name] = None
        for need in cell.platform.needs:
            runs.setdefault(need, {})[name] = None
    made = [_check(need, "building the core for", names) for need, names in builds.items()]
    return made + [_check(need, "running it on", names) for need, names in runs.items()]


def _check(need: Need, what_for: str, platforms: Iterable[str]) -> Check:
    unlocks = f"{what_for} {', '.join(platforms)}"
    found = need.found()
    if found is None:
        return Check(GROUP, need.name, "no", "not installed", unlocks, need.install)
    return Check(GROUP, need.name, "yes", found, unlocks)
