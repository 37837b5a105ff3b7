"""Results that are either complete or absent: written under a temporary name, then renamed.

The temporary name lies in the destination's folder, because only a rename within one file system is
atomic.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pico_deploy.errors import OutputError


def _temporary_sibling(destination: Path) -> Path:
    # The suffix stays last, because image writers choose the format by it.
    token = secrets.token_hex(4)
    return destination.with_name(f".{destination.stem}.{token}.partial{destination.suffix}")


def cannot_write(destination: Path, reason: OSError) -> OutputError:
    """Return the error that says why ``destination`` cannot be written."""
    return OutputError(
        f"{destination}: cannot write ({reason.strerror or reason}); "
        "choose a folder that exists, is writable and has space left"
    )


def make_folder(folder: Path) -> None:
    """Make ``folder`` and those above it, if they are not there; raises ``OutputError``."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error


def _reserve(destination: Path) -> Path:
    """Make the empty file that is to become ``destination``; raises ``OutputError``."""
    if destination.is_dir():
        raise OutputError(f"{destination}: is a folder; name a file in it")
    temporary = _temporary_sibling(destination)
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except OSError as error:
        raise cannot_write(destination, error) from error
    return temporary


def require_writable(*files: Path | None) -> None:
    """Raise ``OutputError`` for the first file that could not be written, before the work whose
    result goes there is done; None stands for no file."""
    for file in files:
        if file is not None:
            _reserve(file).unlink()


@contextmanager
def new_file(destination: Path) -> Iterator[Path]:
    """Yield a temporary path; rename it to ``destination`` on success, delete it on any failure.

    Raises ``OutputError`` before anything is computed when ``destination`` cannot be written.
    """
    temporary = _reserve(destination)
    try:
        yield temporary
        temporary.replace(destination)
    except OSError as error:
        raise cannot_write(destination, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(destination: Path, data: bytes) -> None:
    """Write ``data`` to ``destination``, completely or not at all."""
    with new_file(destination) as temporary:
        temporary.write_bytes(data)


@contextmanager
def new_folder(destination: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``destination``; delete it at the end unless it was renamed.

    The caller renames (:func:`replace_folder`) when the content is complete.
    """
    temporary = _temporary_sibling(destination)
    try:
        temporary.mkdir()
    except OSError as error:
        raise cannot_write(destination, error) from error
    try:
        yield temporary
    except OSError as error:
        if error.filename is None or not str(error.filename).startswith(str(temporary)):
            raise
        raise cannot_write(destination, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def replace_folder(new: Path, destination: Path) -> None:
    """Rename the folder ``new`` to ``destination``, whose old content goes last."""
    try:
        if not destination.exists():
            new.rename(destination)
            return
        aside = _temporary_sibling(destination)
        destination.rename(aside)
        try:
            new.rename(destination)
        except OSError:
            aside.rename(destination)
            raise
    except OSError as error:
        raise cannot_write(destination, error) from error
    if aside.is_dir():
        shutil.rmtree(aside)
    else:
        aside.unlink()
