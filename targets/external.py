"""Tools of other makers as subprocesses: missing ones and slow ones are errors with a name."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from pico_deploy.errors import MissingDependencyError
from targets.errors import TargetTimeoutError


def call(
    argv: Sequence[str], what: str, remedy: str, timeout_s: float
) -> subprocess.CompletedProcess[bytes]:
    """Run a tool and wait for it. Raises ``MissingDependencyError`` with ``remedy`` when it is not
    installed, and ``TargetTimeoutError``, after it was killed, when it takes too long.
    """
    try:
        return subprocess.run(
            argv, capture_output=True, stdin=subprocess.DEVNULL, timeout=timeout_s
        )
    except FileNotFoundError as error:
        raise MissingDependencyError(f"{argv[0]} is not on the PATH; {remedy}") from error
    except subprocess.TimeoutExpired as error:
        raise TargetTimeoutError(
            f"{what} did not end within {timeout_s:g} s and was stopped; is the device awake?"
        ) from error
