"""Fixtures of all tests that run a bundle: one tiny codec, made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pico_deploy.runtime.session import Session


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the tiny codec with ONNX artefacts; tests copy it before they alter it."""
    from tiny_codec import write_tiny_bundle

    return write_tiny_bundle(tmp_path_factory.mktemp("tiny") / "tiny.bundle")


@pytest.fixture
def session(tiny_bundle: Path) -> Iterator[Session]:
    from pico_deploy.runtime.session import Session

    with Session.open(tiny_bundle) as opened:
        yield opened


@pytest.fixture
def numpy_backend() -> Iterator[str]:
    """The tiny codec on a runtime of the tests' own, registered by name as another package
    would.
    """
    from tiny_codec import NumpyBackend

    from pico_deploy.runtime import registry

    registry.register("numpy", NumpyBackend)
    yield "numpy"
    registry.unregister("numpy")
