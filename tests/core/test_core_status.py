"""Every status is reachable, stable in number and name, and becomes the documented exception."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest
from coded_image import PIXEL_FINGERPRINT, Coded, encode
from entropy_models import Symbols, plain_model

from pico_deploy import _core, core_errors
from pico_deploy.core_errors import CoreError
from pico_deploy.entropy.crc32c import crc32c
from pico_deploy.entropy.serialise import to_bytes
from pico_deploy.errors import BundleError, ModelMismatchError, StreamError, UsageError

STATUSES = {
    "ok": 0,
    "argument": 1,
    "buffer-too-small": 2,
    "over-limit": 3,
    "truncated": 4,
    "not-pico": 5,
    "unsupported-version": 6,
    "unsupported-content": 7,
    "unsupported-chunk": 8,
    "header-damaged": 9,
    "chunk-damaged": 10,
    "stream-damaged": 11,
    "trailing-bytes": 12,
    "wrong-model": 13,
    "symbol-not-integer": 14,
    "symbol-out-of-range": 15,
    "symbol-in-void": 16,
    "model-format": 17,
    "model-version": 18,
    "model-checksum": 19,
    "model-geometry": 20,
    "model-network": 21,
    "model-overflow": 22,
    "model-tables": 23,
    "model-bounds": 24,
}
ONLY_FROM_C = {"ok", "buffer-too-small", "chunk-damaged"}
"""The binding allocates what is asked for, and gives a chunk's damage as `Chunk.intact`: see tests
of the core in C."""

Z_ROWS = 16 + 24 + 3
FIRST_LAYER = Z_ROWS + 4


def model_with(at: int, *values: int) -> bytes:
    """A sound entropy.bin with bytes changed and the checksum made to hold again."""
    data = bytearray(to_bytes(plain_model()))
    data[at : at + len(values)] = bytes(values)
    return bytes(data[:-4]) + struct.pack("<I", crc32c(bytes(data[:-4])))


def header_with(data: bytes, at: int, *values: int) -> bytes:
    """A file with bytes of its header changed and the header's checksum made to hold again."""
    size = _core.parse(data).header_size
    header = bytearray(data[: size - 4])
    header[at : at + len(values)] = bytes(values)
    return bytes(header) + struct.pack("<I", crc32c(bytes(header))) + data[size:]


def load(data: bytes) -> _core.Model:
    return _core.Model(data)


def code(coded: Coded, z: float = 0.0, void: float = 0.0) -> bytes:
    planes = np.zeros((12, 4, 4, 4), np.float32), np.zeros((12, 6, 8, 8), np.float32)
    planes[0][0, 0, 0, 0] = z
    planes[1][11, 0, 7, 7] = void
    return encode(coded.model, coded.width, coded.height, 0, Symbols(*planes))


def parse_header(coded: Coded, at: int, *values: int) -> object:
    return _core.parse(header_with(coded.data, at, *values))


def damaged_stream(coded: Coded) -> object:
    stream = _core.parse(coded.data).streams[2]
    data = bytearray(coded.data)
    data[stream.offset] ^= 1
    return _core.Decoder(coded.model, bytes(data)).decode_group(2)


def other_model(coded: Coded) -> object:
    return _core.Decoder(_core.Model(to_bytes(plain_model(levels=9))), coded.data)


CASES: list[tuple[str, Callable[[Coded], object]]] = [
    ("argument", lambda c: _core.Encoder(c.model, 9, 9, 0, b"short")),
    ("argument", lambda c: _core.Encoder(c.model, 9, 9, 99, PIXEL_FINGERPRINT)),
    ("argument", lambda c: _core.Encoder(c.model, 9, 9, 0, PIXEL_FINGERPRINT, lanes=5)),
    ("argument", lambda c: _core.Encoder(c.model, 9, 9, 0, PIXEL_FINGERPRINT, skip=64)),
    ("argument", lambda c: _core.Encoder(c.model, 9, 9, 0, PIXEL_FINGERPRINT, skip=-1)),
    ("argument", lambda c: _core.Decoder(c.model, c.data).decode_group(4)),
    ("argument", lambda c: _core.Decoder(c.model, c.data).decode_group(0, "float64")),
    ("over-limit", lambda c: c.model.grid(65536, 1)),
    ("over-limit", lambda c: parse_header(c, 36, 0, 0, 1, 0)),
    ("truncated", lambda c: _core.parse(c.data[:40])),
    ("truncated", lambda c: _core.Decoder(c.model, c.data[:-1]).decode_group(3)),
    ("not-pico", lambda c: _core.parse(b"")),
    ("not-pico", lambda c: _core.parse(b"\xff\xd8\xff\xe0 a JPEG")),
    ("unsupported-version", lambda c: parse_header(c, 4, 2)),
    ("unsupported-content", lambda c: parse_header(c, 6, 2)),
    ("unsupported-content", lambda c: parse_header(c, 47, 2)),
    ("unsupported-chunk", lambda c: parse_header(c, 63, ord("S"))),
    ("header-damaged", lambda c: _core.parse(c.data[:20] + b"\0" + c.data[21:])),
    ("header-damaged", lambda c: parse_header(c, 7, 5)),
    ("header-damaged", lambda c: parse_header(c, 48, 0, 0)),
    ("header-damaged", lambda c: parse_header(c, 44, 15, 0)),
    ("header-damaged", lambda c: parse_header(c, 63, ord("1"))),
    ("header-damaged", lambda c: _core.Decoder(c.model, header_with(c.data, 50, 3))),
    ("stream-damaged", damaged_stream),
    ("trailing-bytes", lambda c: _core.parse(c.data + b"\0")),
    ("wrong-model", other_model),
    ("symbol-not-integer", lambda c: code(c, z=0.25)),
    ("symbol-out-of-range", lambda c: code(c, z=32)),
    ("symbol-in-void", lambda c: code(c, void=1)),
    ("model-format", lambda c: load(b"")),
    ("model-format", lambda c: load(bytes(100))),
    ("model-format", lambda c: load(to_bytes(plain_model())[:-1])),
    ("model-format", lambda c: load(model_with(10, 1))),
    ("model-version", lambda c: load(model_with(8, 2))),
    ("model-checksum", lambda c: load(to_bytes(plain_model())[:-1] + b"\0")),
    ("model-geometry", lambda c: load(model_with(19, 11))),
    ("model-geometry", lambda c: load(model_with(18, 8))),
    ("model-geometry", lambda c: load(model_with(20, 12))),
    ("model-network", lambda c: load(model_with(FIRST_LAYER, 2))),
    ("model-network", lambda c: load(model_with(FIRST_LAYER + 2, 3))),
    ("model-network", lambda c: load(model_with(FIRST_LAYER + 8, 5))),
    ("model-overflow", lambda c: load(model_with(FIRST_LAYER + 28 + 96, 0, 0, 0, 0x40))),
    ("model-tables", lambda c: load(model_with(len(to_bytes(plain_model())) - 5, 1))),
    ("model-tables", lambda c: load(model_with(Z_ROWS, 9))),
    ("model-bounds", lambda c: load(model_with(FIRST_LAYER + 16, 1))),
]


def test_status_numbers_and_names_never_change() -> None:
    assert _core.STATUSES == STATUSES


def test_every_status_has_a_case_here_or_in_the_tests_in_c() -> None:
    assert {status for status, _ in CASES} | ONLY_FROM_C == set(STATUSES)


@pytest.mark.parametrize(("status", "case"), CASES)
def test_status_is_reached_and_says_what_to_try(
    coded: Coded, status: str, case: Callable[[Coded], object]
) -> None:
    with pytest.raises(CoreError) as error:
        case(coded)
    assert error.value.status == status
    assert _core.status_text(status) in str(error.value)


def test_the_bytes_the_cases_change_are_sound_when_unchanged(coded: Coded) -> None:
    """Control: the helpers that change bytes change nothing else."""
    assert model_with(0) == to_bytes(plain_model())
    assert header_with(coded.data, 0) == coded.data


def test_every_status_has_an_exception_of_the_documented_family() -> None:
    family = {
        "wrong-model": ModelMismatchError,
        "argument": UsageError,
        "buffer-too-small": UsageError,
    }
    for status in STATUSES:
        if status == "ok":
            continue
        expected = family.get(status)
        if expected is None:
            symbol, model = status.startswith("symbol-"), status.startswith("model-")
            expected = UsageError if symbol else BundleError if model else StreamError
        with pytest.raises(expected) as error:
            core_errors.raise_status(status, "text", "", 0, 0, 0, 0, None, ())
        assert isinstance(error.value, CoreError) and error.value.status == status


def test_unknown_optional_chunks_are_skipped_and_kept(coded: Coded) -> None:
    data = encode(
        *(coded.model, coded.width, coded.height, 0, coded.symbols), chunks=[("zzZZ", b"?")]
    )
    (chunk,) = _core.parse(data).chunks
    assert (chunk.type, chunk.data) == ("zzZZ", b"?")
    _core.Decoder(coded.model, data).decode_group(0)


@pytest.mark.parametrize("kind", ["FRME", "STAT", "FBCK"])
def test_reserved_chunk_types_cannot_be_written(coded: Coded, kind: str) -> None:
    with pytest.raises(CoreError) as error:
        _core.Encoder(coded.model, 9, 9, 0, PIXEL_FINGERPRINT, chunks=[(kind, b"")])
    assert error.value.status == "unsupported-chunk"


def test_a_newer_minor_version_is_read(coded: Coded) -> None:
    assert _core.parse(header_with(coded.data, 5, 9)).version == (1, 9)
