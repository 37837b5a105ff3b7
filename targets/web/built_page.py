"""Where the built page of ``web_harness/`` lies."""

from __future__ import annotations

import shutil
from pathlib import Path

from pico_deploy.errors import MissingDependencyError

_BUILT = Path(__file__).with_name("page")
"""`make web` builds it there, in a checkout; a wheel that was made after that carries it."""


def page_folder(folder: Path = _BUILT) -> Path:
    """The folder with the page's ``index.html``; raises ``MissingDependencyError``."""
    if (folder / "index.html").is_file():
        return folder
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    first = f"install {' and '.join(missing)} (Node 20 or later), then " if missing else ""
    raise MissingDependencyError(
        f"the page of the web harness is not built; in a checkout, {first}run `make web`"
    )
