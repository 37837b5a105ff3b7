"""What several tests of conformance share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pico_deploy.conformance.vector_set import index_bytes

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of four vectors, for passes in which the program is not what is tested."""
    folder = tmp_path_factory.mktemp("few") / "vectors"
    names = ("size-1x1", "photo-anchor-0", "bad-magic", "symbols-anywhere")
    for name in ("models", *names):
        shutil.copytree(ROOT / "conformance" / "vectors" / name, folder / name)
    (folder / "index.txt").write_bytes(index_bytes(folder, 1, names))
    return folder
