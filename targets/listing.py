"""What is connected, and which profiles there are, as rows."""

from __future__ import annotations

from dataclasses import dataclass

from pico_deploy.errors import PicoError
from targets import profile, registry


@dataclass(frozen=True)
class Listed:
    """One address that `bench` takes, or why there is none of its kind. ``problem`` is empty when
    the target can be used.
    """

    target: str
    address: str
    summary: str
    problem: str = ""


def devices() -> list[Listed]:
    """Every target that is there now, and for each kind that is not, the reason."""
    found = []
    for name in registry.names():
        summary = registry.summary(name)
        try:
            addresses, problem = registry.connected(name), "none is connected"
        except PicoError as error:
            addresses, problem = [], str(error)
        found += [Listed(name, address, summary) for address in addresses]
        if not addresses:
            found.append(Listed(name, "", summary, problem))
    return found


PROFILE_COLUMNS = ("profile", "device", "SoC", "target", "delegates", "precision", "budgets")


def profile_rows() -> list[list[str]]:
    """Cells of every profile under ``PROFILE_COLUMNS``."""
    rows = []
    for name in profile.names():
        found = profile.load(name)
        budgets = [
            f"{budget.removesuffix('_milliseconds')} {limit:g} "
            f"{'ms ' if budget.endswith('_milliseconds') else ''}"
            f"({found.source_of(f'budgets.{budget}').kind})"
            for budget, limit in found.budgets.model_dump(exclude_none=True).items()
        ]
        rows.append(
            [
                name,
                found.device.name,
                found.device.soc or "–",
                found.runtime.target,
                " → ".join(found.runtime.delegates),
                found.runtime.precision,
                ", ".join(budgets) or "–",
            ]
        )
    return rows
