"""The contract of a transport: it moves bytes to a target and runs things there, and nothing else.

A transport reports what a device says of itself and never judges it: provenance is decided by
``targets.identify`` from that evidence. ``tests/targets/test_transport_contract.py`` holds every
implementation to what is written here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal, Protocol, Self

from pico_deploy.errors import UsageError, last_line
from pico_deploy.measure.result import Conditions

Platform = Literal["host", "emulated", "android", "ios", "browser"]
Runs = Literal["programs", "apps", "pages"]
"""What ``run`` starts: programs that were pushed, installed apps by identifier, pages by path."""

DEFAULT_TIMEOUT_S = 60.0
NOT_FOUND = 127
"""Exit code of a program that is not there, as in a shell."""


@dataclass(frozen=True)
class DeviceInfo:
    """What a device says of itself, and its state now. ``properties`` and ``cpuinfo`` are verbatim:
    they are the evidence that ``targets.identify`` weighs.
    """

    platform: Platform
    runs: Runs
    model: str
    architecture: str
    os: str
    os_version: str
    os_build: str | None = None
    manufacturer: str | None = None
    soc: str | None = None
    cpu: str | None = None
    cpu_count: int | None = None
    memory_bytes: int | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    cpuinfo: str = ""
    conditions: Conditions = field(default_factory=Conditions)


@dataclass(frozen=True)
class Completed:
    """What a program left: its exit code (or minus the signal) and both outputs, unaltered."""

    exit_code: int
    stdout: bytes
    stderr: bytes

    @property
    def last_words(self) -> str:
        """The last line it wrote, for an error message."""
        return last_line((self.stderr or self.stdout).decode(errors="replace"))


class Transport(Protocol):
    """A way to one device; a context manager that leaves nothing behind on it.

    Names of files are relative POSIX paths inside a folder of this transport's own, which is also
    the working folder of what runs; an absolute name or one with ``..`` is a ``UsageError``. Every
    method may raise ``NoSuchDeviceError``, ``UnauthorisedError``, ``DisconnectedError``,
    ``TargetTimeoutError`` and ``MissingDependencyError`` (a tool of this machine).
    """

    @property
    def address(self) -> str:
        """How a user names it: ``adb:SERIAL``."""

    def info(self) -> DeviceInfo:
        """Ask the device what it is and how it is now."""

    def push(self, source: Path, name: str) -> None:
        """Copy a file of this machine to the device, executable.

        Raises ``InputError`` when ``source`` cannot be read, ``DeviceFullError``.
        """

    def pull(self, name: str, destination: Path) -> None:
        """Copy a file of the device to this machine; ``destination`` appears whole or not at all.

        Raises ``NotOnTargetError``, ``OutputError``.
        """

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> Completed:
        """Run and wait. Arguments and ``env`` arrive unaltered, whatever they hold; a program that
        is not there gives exit code 127. Raises ``TargetTimeoutError``, and then the program has
        been told to stop.
        """

    def install(self, package: Path) -> None:
        """Install an app; raises ``InputError``, ``TargetError`` with the device's reason, or
        ``UnsupportedError`` where there are no apps.
        """

    def logs(self) -> str:
        """The device's recent log, or what the programs that ran here wrote to stderr."""

    def close(self) -> None:
        """Remove what this transport put on the device."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def checked_name(name: str) -> PurePosixPath:
    """The name of a file on a target; raises ``UsageError`` unless it stays inside the folder."""
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or path == PurePosixPath("."):
        raise UsageError(f"{name!r} is no name of a file on a target; expected a relative path")
    return path
