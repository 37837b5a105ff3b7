"""Headless Chromium, started with one page and stopped with everything it started."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from pico_deploy.errors import MissingDependencyError, last_line

VARIABLE = "PICO_CHROMIUM"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
_MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")

_QUIET = (
    "--headless=new",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    # a page in the background would be slowed down
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
)
SOFTWARE_GPU = (
    "--enable-unsafe-webgpu",
    "--enable-unsafe-swiftshader",
    "--use-webgpu-adapter=swiftshader",
    "--enable-features=Vulkan,WebGPU",
    "--use-vulkan=swiftshader",
    "--ignore-gpu-blocklist",
)
"""WebGPU on Chromium's own software renderer: slow, for tests of the way, not of speed."""


def find_chromium() -> str:
    """The browser's program; raises ``MissingDependencyError``."""
    named = os.environ.get(VARIABLE)
    candidates = (named,) if named else _NAMES
    for name in candidates:
        path = shutil.which(name)
        if path:
            return path
    if named is None and _MAC.is_file():
        return str(_MAC)
    raise MissingDependencyError(
        f"no Chromium found ({', '.join(candidates)}): run `apt-get install chromium`, or name one "
        f"in {VARIABLE}"
    )


class Chromium:
    """A browser with a profile of its own; a context manager that leaves no process behind."""

    def __init__(self, url: str, flags: Sequence[str] = ()) -> None:
        program = find_chromium()
        self._profile = Path(tempfile.mkdtemp(prefix="pico-target-"))
        # its sandbox refuses to work for root, which is what containers are
        as_root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        self._log = (self._profile / "stderr").open("wb")
        self._process = subprocess.Popen(
            [program, *_QUIET, *as_root, *flags, f"--user-data-dir={self._profile}", url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            start_new_session=True,
        )

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def last_words(self) -> str:
        """The last line that it wrote."""
        return last_line((self._profile / "stderr").read_text(errors="replace"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(timeout=5)
        except ProcessLookupError:
            pass
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._log.close()
        shutil.rmtree(self._profile, ignore_errors=True)
