"""What the matrix needs of a machine: programs, Python packages, folders."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Need:
    """Something that is here or not, and the command that installs it.

    ``names``: programs or folders of which one is enough; without any, it is called ``name``.
    """

    name: str
    install: str
    kind: Literal["program", "package", "folder"] = "program"
    names: tuple[str, ...] = ()

    def found(self) -> str | None:
        """Where it is; None when it is missing."""
        looks = (self._look(name) for name in self.names or (self.name,))
        return next((place for place in looks if place is not None), None)

    def _look(self, name: str) -> str | None:
        if self.kind == "program":
            return shutil.which(name)
        if self.kind == "folder":
            return name if Path(name).is_dir() else None
        package = importlib.util.find_spec(name)
        return None if package is None else package.origin or name


def cross_gcc(target: str, also: tuple[str, ...] = ()) -> Need:
    """gcc for a target (``s390x-linux-gnu``), as Debian packages it; ``also``: others that do."""
    names = (f"{target}-gcc", *also)
    if also:
        return Need(f"gcc for {target}", "apt-get install gcc libc6-dev", names=names)
    debian = {"aarch64": "arm64", "arm": "armhf", "powerpc64le": "ppc64el", "i686": "i386"}
    cpu = target.partition("-")[0]
    packages = f"gcc-{target.replace('_', '-')} libc6-dev-{debian.get(cpu, cpu)}-cross"
    return Need(f"gcc for {target}", f"apt-get install {packages}", names=names)
