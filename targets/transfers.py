"""What all transports share: files that are whole or not there, the only device or a choice."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from pico_deploy.errors import InputError, OutputError, UsageError
from targets.errors import NoSuchDeviceError


class Closing:
    """A context manager that calls ``close``."""

    def close(self) -> None:
        """Nothing is left to remove, unless a transport says otherwise."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def require_file(source: Path) -> None:
    """Raise ``InputError`` unless a file is there to be pushed."""
    if not source.is_file():
        raise InputError(f"cannot push {source}: it is no file that can be read")


@contextmanager
def arriving(destination: Path) -> Iterator[Path]:
    """A path to pull a file to; when the block ends well, ``destination`` is that file.

    Raises ``OutputError`` when it cannot be written. Nothing is left of a pull that failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / "pulled"
        yield part
        beside = destination.with_name(f"{destination.name}.part")
        try:
            with part.open("rb") as source, beside.open("wb") as target:
                while chunk := source.read(1 << 20):
                    target.write(chunk)
            beside.replace(destination)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise OutputError(f"cannot write {destination}: {error.strerror or error}") from error


def only_one(addresses: Sequence[str], what: str) -> str:
    """The argument of the only address that is connected.

    Raises ``NoSuchDeviceError`` when there is none, ``UsageError`` when there is a choice.
    """
    if not addresses:
        raise NoSuchDeviceError(f"no {what} is connected; connect one, and trust this computer")
    if len(addresses) > 1:
        raise UsageError(f"more than one {what} is connected; choose: {', '.join(addresses)}")
    return addresses[0].partition(":")[2]
