"""The conformance APK, built once, and what is in it."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "android_harness" / "apk"))

from make_apk import build_apk, missing_tools  # noqa: E402

from pico_deploy.errors import MissingDependencyError  # noqa: E402


@pytest.fixture(scope="session")
def apk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Signed with a key of its own."""
    if absent := missing_tools():
        pytest.skip(absent)
    folder = tmp_path_factory.mktemp("apk")
    try:
        build_apk(folder / "conform.apk", key=folder / "debug.p12")
    except MissingDependencyError as error:
        pytest.skip(str(error))
    return folder / "conform.apk"


@pytest.fixture(scope="session")
def content(apk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything in the APK, and its vectors unpacked as the activity does."""
    folder = tmp_path_factory.mktemp("content")
    with zipfile.ZipFile(apk) as archive:
        archive.extractall(folder)
    with zipfile.ZipFile(folder / "assets" / "vectors.zip") as archive:
        archive.extractall(folder / "vectors")
    return folder
