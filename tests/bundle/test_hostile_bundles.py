"""Manifests and zips made by anybody: a sound bundle or a documented error, never another one.

PICO_FUZZ_SECONDS says how long atheris, where it is installed, looks for new manifests.
"""

from __future__ import annotations

import importlib.util
import os
import random
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import manifest_mutations
import pytest
from manifest_mutations import SEED_MANIFEST, mutate, require_sound_or_refused, unpack_corpus
from tiny_codec import write_tiny_bundle

from pico_deploy.bundle import open_bundle
from pico_deploy.errors import BundleError

SECONDS = int(os.environ.get("PICO_FUZZ_SECONDS", "2"))


def test_a_changed_manifest_is_sound_or_refused() -> None:
    source, seed = random.Random(1), SEED_MANIFEST.read_bytes()
    assert require_sound_or_refused(seed)
    verdicts = [require_sound_or_refused(mutate(seed, source)) for _ in range(800)]
    assert verdicts.count(True) > 20 and verdicts.count(False) > 300


def test_every_manifest_of_the_corpus_is_sound_or_refused(tmp_path: Path) -> None:
    inputs = unpack_corpus(tmp_path)
    verdicts = [require_sound_or_refused(path.read_bytes()) for path in inputs]
    assert True in verdicts and verdicts.count(False) > 10


def test_the_corpus_finds_paths_that_are_not_looked_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Control: without the check of paths, one that leads outside gets in."""
    monkeypatch.setattr("pico_deploy.bundle.manifest._check_path", lambda path: path)
    found = 0
    for path in unpack_corpus(tmp_path):
        try:
            require_sound_or_refused(path.read_bytes())
        except AssertionError:
            found += 1
    assert found > 0


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_damaged_zip_is_sound_or_refused(tmp_path: Path, compression: int) -> None:
    source = random.Random(2)
    again = tmp_path / "again.zip"
    with (
        zipfile.ZipFile(write_tiny_bundle(tmp_path / "tiny.zip")) as tiny,
        zipfile.ZipFile(again, "w", compression) as copied,
    ):
        for name in tiny.namelist():
            copied.writestr(name, tiny.read(name))
    packed = again.read_bytes()
    directory = packed.rindex(b"PK\1\2") - 600
    damaged = tmp_path / "damaged.zip"
    refused = 0
    for _ in range(200):
        data = bytearray(packed)
        for _ in range(source.randint(1, 4)):
            low = source.choice((0, max(directory, 0)))
            data[source.randrange(low, len(data))] = source.randrange(256)
        damaged.write_bytes(data[: source.choice((len(data), source.randrange(len(data))))])
        try:
            with open_bundle(damaged):
                pass
        except BundleError:
            refused += 1
    assert refused > 100


@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris is not installed (extra fuzz)"
)
def test_atheris_finds_no_manifest_that_breaks_a_promise(tmp_path: Path) -> None:
    program = Path(manifest_mutations.__file__).with_name("fuzz_manifest.py")
    command = [sys.executable, program, f"-max_total_time={SECONDS}", tmp_path]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr[-4000:]
    (covered,) = re.findall(r"DONE\s+cov: (\d+)", finished.stderr)
    assert int(covered) > 20, "the validators are not instrumented"
