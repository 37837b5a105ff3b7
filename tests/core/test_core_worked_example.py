"""The worked example of docs/bitstream.md: the file, the dump in the text and the encoder agree."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from coded_image import encode
from entropy_models import Symbols, plain_model

from pico_deploy import _core
from pico_deploy.cli.app import run
from pico_deploy.entropy.serialise import to_bytes

DOCS = Path(__file__).resolve().parents[2] / "docs"
STREAM, MODEL = DOCS / "data/example.pico", DOCS / "data/example-entropy.bin"


def blocks() -> list[str]:
    """The fenced dumps of the document, in order: of the stream, of the model's beginning."""
    text = (DOCS / "bitstream.md").read_text(encoding="utf-8")
    return re.findall(r"^```\n(offset .*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def dump(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert run(["inspect", "--hex", str(path)]) == 0
    return capsys.readouterr().out


def test_the_files_in_the_specification_are_the_encoder_s() -> None:
    model_bytes = to_bytes(plain_model(y_channels=2, z_channels=2))
    assert MODEL.read_bytes() == model_bytes
    model = _core.Model(model_bytes)
    z = np.zeros((1, 2, 4, 4), np.int8)
    y = np.zeros((1, 2, 8, 8), np.int8)
    z[0, 0, 0] = [3, -1, 0, 0]
    y[0, 0, 0, :3] = [5, 0, -60]
    y[0, 1, 0, 0] = -1
    data = encode(
        *(model, 20, 10, 1, Symbols(z, y)), skip=12, chunks=[("cicp", bytes([1, 13, 0, 1]))]
    )
    assert STREAM.read_bytes() == data

    index = model.scale_indices(z, np.array([1], np.uint8))[0, :, :2, :3]
    assert index.tolist() == [[[29, 39, 28], [18, 24, 19]], [[11, 18, 10], [19, 22, 20]]]


def test_the_dumps_in_the_specification_are_what_inspect_prints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stream, model = blocks()
    assert dump(STREAM, capsys) == stream
    assert dump(MODEL, capsys).startswith(model) and len(model.splitlines()) > 40


def test_the_dump_in_the_specification_holds_every_byte_of_the_file() -> None:
    rows = re.findall(r"^[0-9a-f]{8}  ((?:[0-9a-f]{2} ?)+)", blocks()[0], flags=re.MULTILINE)
    assert bytes.fromhex(" ".join(rows)) == STREAM.read_bytes()


def test_a_dump_of_another_file_is_not_the_specification_s(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Control: one changed byte is seen."""
    other = tmp_path / "other.pico"
    other.write_bytes(STREAM.read_bytes()[:-1] + b"\0")
    assert dump(other, capsys) != blocks()[0]
