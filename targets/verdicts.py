"""Budgets of a device profile, applied to results of that device and of no other."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from pico_deploy.errors import InputError
from pico_deploy.measure.budgets import Budgets, Verdict, judge, load_budgets
from pico_deploy.measure.result import Result
from targets import profile


@dataclass(frozen=True)
class Limits:
    """Budgets, and the profile they belong to; None: budgets of a file that names no device."""

    budgets: Budgets
    profile: profile.Profile | None = None

    def judge(self, result: Result) -> list[Verdict]:
        """One verdict for each run and limit; a figure of another device is not judged."""
        is_other = self.profile is not None and not self.profile.matches(result.device)
        return judge(result, self.budgets, is_other_device=is_other)


def find(name: str) -> Limits:
    """Budgets from the name of a profile, or from a TOML file: a profile, or a table [budgets].

    Raises ``UsageError`` for an unknown name and ``InputError`` for what has no budgets.
    """
    path = Path(name)
    if name not in profile.names() and (path.exists() or path.suffix):
        if not _is_profile(path):
            return Limits(load_budgets(path))
        found = profile.read(path)
    else:
        found = profile.load(name)
    if not found.budgets.model_dump(exclude_none=True):
        raise InputError(f"profile {name} has no budgets: nobody has published or set any for it")
    return Limits(found.budgets, found)


def _is_profile(path: Path) -> bool:
    try:
        return "runtime" in tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return False  # load_budgets says what is wrong
