"""The dump of every field: complete, in order, and true for damaged files, too."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from coded_image import Coded, coded_image
from entropy_models import random_model

from pico_deploy import _core
from pico_deploy.core_errors import EntropyModelError
from pico_deploy.entropy.crc32c import crc32c
from pico_deploy.entropy.serialise import to_bytes
from pico_deploy.errors import StreamError
from pico_deploy.runtime.fields import SHOWN_BYTES, Field, lines_of
from pico_deploy.runtime.model_fields import model_fields
from pico_deploy.runtime.stream_fields import stream_fields


@pytest.fixture(scope="module")
def coded() -> Coded:
    return coded_image()


def covered(fields: list[Field]) -> bytes:
    """The bytes of all fields; requires that each begins where the one before it ends."""
    at = 0
    for field in fields:
        assert field.offset == at and field.data and field.meaning
        at += len(field.data)
    return b"".join(field.data for field in fields)


def resealed(data: bytes, stream: int, payload: bytes) -> bytes:
    image = _core.parse(data)
    s = image.streams[stream]
    assert len(payload) == s.size
    place = struct.pack("<I1sI", image.header_crc, b"S", stream)
    crc = struct.pack("<I", crc32c(place + payload))
    return data[: s.offset] + payload + crc + data[s.offset + s.size + 4 :]


def test_the_fields_of_a_stream_are_all_its_bytes(coded: Coded) -> None:
    fields = stream_fields(coded.data)
    assert covered(fields) == coded.data
    meanings = [field.meaning for field in fields]
    assert "levels: 0, 1, 2, 0, …" in meanings
    assert sum("rANS words" in m for m in meanings) == 4
    assert sum(m.startswith("CRC of") and m.endswith("holds") for m in meanings) == 1 + 2 + 4
    assert not any("not" in m for m in meanings)


def test_the_fields_of_a_file_cut_anywhere_are_the_bytes_that_are_left(coded: Coded) -> None:
    header = _core.parse(coded.data).header_size
    for size in range(header, len(coded.data), 13):
        assert covered(stream_fields(coded.data[:size])) == coded.data[:size]
    with pytest.raises(StreamError):
        stream_fields(coded.data[: header - 1])


def test_damage_is_said_where_it_is(coded: Coded) -> None:
    stream = _core.parse(coded.data).streams[2]
    data = bytearray(coded.data)
    data[stream.offset + 3] ^= 0x40
    fields = stream_fields(bytes(data))
    assert covered(fields) == data
    (broken,) = [f.meaning for f in fields if "not hold" in f.meaning]
    assert broken.startswith("CRC of stream 2")


def test_a_payload_that_does_not_divide_is_one_field(coded: Coded) -> None:
    stream = _core.parse(coded.data).streams[1]
    data = resealed(coded.data, 1, b"\xff" * stream.size)
    fields = stream_fields(data)
    assert covered(fields) == data
    assert [f for f in fields if f.meaning.startswith("not readable")]


@pytest.mark.parametrize("seed", range(6))
def test_the_fields_of_a_model_are_all_its_bytes(seed: int) -> None:
    data = to_bytes(random_model(seed))
    assert covered(model_fields(data)) == data
    with pytest.raises(EntropyModelError):
        model_fields(data[:-1])


def test_long_fields_are_cut_and_say_by_how_much() -> None:
    lines = list(lines_of([Field(16, bytes(np.arange(40, dtype=np.uint8)), "numbers")]))
    assert lines[1] == "00000010  00 01 02 03 04 05 06 07  numbers"
    assert lines[-1] == f"{16 + SHOWN_BYTES:08x}  … 8 bytes more"


def test_inspect_reads_an_entropy_model(
    tmp_path: Path, coded: Coded, capsys: pytest.CaptureFixture[str]
) -> None:
    from pico_deploy.cli.app import run

    path = tmp_path / "entropy.bin"
    path.write_bytes(coded.entropy_bin)
    assert run(["inspect", str(path)]) == 0
    assert coded.model.fingerprint.hex() in capsys.readouterr().out
    path.write_bytes(coded.entropy_bin[:-1])
    for option in ([], ["--hex"]):
        assert run(["inspect", str(path), *option]) == 6
