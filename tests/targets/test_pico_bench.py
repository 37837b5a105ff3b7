"""The program that goes to phones: its exit codes, and the same symbols from every kernel set."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_codec import flat_blocks

from pico_deploy import _core
from pico_deploy.runtime.encode import encode
from pico_deploy.runtime.photo import ArrayPixels
from pico_deploy.runtime.session import Session


@pytest.fixture
def folder(session: Session, tmp_path: Path) -> Path:
    pixels = ArrayPixels(flat_blocks(130, 260))
    stream = encode(pixels, session, session.load("analysis", "onnx"), 5)
    (tmp_path / "photo.pico").write_bytes(stream)
    (tmp_path / "entropy.bin").write_bytes(session.bundle.entropy_bin())
    return tmp_path


def bench(
    program: Path, folder: Path, *changed: str, kernels: str = ""
) -> subprocess.CompletedProcess[str]:
    arguments = list(changed) or ["run", "entropy.bin", "photo.pico", "report.json", "2", "0"]
    return subprocess.run(
        [program, *arguments],
        cwd=folder,
        env=os.environ | {"PICO_CPU": kernels},
        capture_output=True,
        text=True,
    )


def test_every_kernel_set_gives_the_same_symbols_bytes_and_pixels(
    folder: Path, pico_bench: Callable[[str], Path]
) -> None:
    found = {}
    for kernels in [name for name, runs_here in _core.kernels().items() if runs_here]:
        assert bench(pico_bench("x86-64"), folder, kernels=kernels).returncode == 0
        report = json.loads((folder / "report.json").read_text())
        assert report["kernels"] == kernels
        assert report["same_stream"] and report["same_pixels"]
        found[kernels] = (report["decoded_symbols_sha256"], report["stream_sha256"])
    assert len(set(found.values())) == 1


@pytest.mark.parametrize(
    ("arguments", "kernels", "code", "words"),
    [
        ([], "vax", 2, "PICO_CPU=vax is no kernel set"),
        (["run"], "", 2, "usage:"),
        (["walk", *"abcde"], "", 2, "usage:"),
        (["run", "entropy.bin", "photo.pico", "r.json", "0", "0"], "", 2, "no number of passes"),
        (["run", "entropy.bin", "photo.pico", "r.json", "1x", "0"], "", 2, "no number of passes"),
        (["run", "absent", "photo.pico", "r.json", "1", "0"], "", 3, "cannot read absent"),
        (["run", "entropy.bin", "photo.pico", "no/r.json", "1", "0"], "", 9, "cannot write"),
        (["run", "photo.pico", "photo.pico", "r.json", "1", "0"], "", 11, "model-format"),
        (["run", "entropy.bin", "entropy.bin", "r.json", "1", "0"], "", 11, "unsupported-version"),
    ],
)
def test_wrong_input_gives_its_exit_code_and_one_line(
    arguments: list[str],
    kernels: str,
    code: int,
    words: str,
    folder: Path,
    pico_bench: Callable[[str], Path],
) -> None:
    done = bench(pico_bench("x86-64"), folder, *arguments, kernels=kernels)
    assert done.returncode == code
    assert words in done.stderr
    assert not (folder / "r.json").exists()


def test_damaged_stream_is_named_and_nothing_is_timed(
    folder: Path, pico_bench: Callable[[str], Path]
) -> None:
    stream = bytearray((folder / "photo.pico").read_bytes())
    stream[-20] ^= 1
    (folder / "photo.pico").write_bytes(stream)
    done = bench(pico_bench("x86-64"), folder)
    assert done.returncode == 11
    assert "stream-damaged" in done.stderr
    assert not (folder / "report.json").exists()
