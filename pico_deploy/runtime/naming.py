"""Errors about the content of a file begin with the file's name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pico_deploy.errors import BundleError, ModelMismatchError, StreamError


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put ``path`` before the message of an error that the core raises about bytes of that file."""
    try:
        yield
    except (BundleError, ModelMismatchError, StreamError) as error:
        error.args = (f"{path}: {error}",)
        raise
