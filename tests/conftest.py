"""Fixtures of all tests that run a bundle: one tiny codec, made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_codec import NumpyBackend, write_tiny_bundle

from pico_deploy.runtime import registry
from pico_deploy.runtime.session import Session


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the tiny codec with ONNX artefacts; tests copy it before they alter it."""
    return write_tiny_bundle(tmp_path_factory.mktemp("tiny") / "tiny.bundle")


@pytest.fixture
def session(tiny_bundle: Path) -> Iterator[Session]:
    with Session.open(tiny_bundle) as opened:
        yield opened


@pytest.fixture
def numpy_backend() -> Iterator[str]:
    """The tiny codec on a runtime of the tests' own, registered by name as another package
    would.
    """
    registry.register("numpy", NumpyBackend)
    yield "numpy"
    registry.unregister("numpy")
