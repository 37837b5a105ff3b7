"""Damaged, foreign and cut streams: the right error, naming what is lost; the rest on request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_codec import NumpyPart, flat_blocks, write_tiny_bundle

from pico_deploy import _core
from pico_deploy.core_errors import DamagedStreamError
from pico_deploy.errors import ModelMismatchError, StreamError
from pico_deploy.runtime.decode import Decoded, decode, open_stream
from pico_deploy.runtime.encode import StreamSettings, encode
from pico_deploy.runtime.photo import ArrayPixels
from pico_deploy.runtime.picture import ArraySink
from pico_deploy.runtime.session import Session
from pico_deploy.runtime.tiles import CONCEALED

HEIGHT, WIDTH = 360, 480  # 3 × 4 tiles, 6 streams of 2 tiles


@pytest.fixture
def stream(session: Session) -> bytes:
    settings = StreamSettings(tiles_per_stream=2, chunks=(("iccp", b"profile"),))
    picture = ArrayPixels(flat_blocks(HEIGHT, WIDTH))
    return encode(picture, session, NumpyPart("analysis"), 8, settings)


def decoded(data: bytes, session: Session, **options: Any) -> tuple[NDArray[np.uint8], Decoded]:
    sink = ArraySink()
    decoder = open_stream(data, session)
    result = decode(decoder, session, NumpyPart("synthesis"), sink, **options)
    return sink.pixels(), result


def spoilt(stream: bytes, *numbers: int) -> bytes:
    """Flip one bit in the middle of each of the given streams."""
    data = bytearray(stream)
    for number in numbers:
        part = _core.parse(stream).streams[number]
        data[part.offset + part.size // 2] ^= 0x10
    return bytes(data)


def test_damage_is_an_error_that_names_every_lost_tile(stream: bytes, session: Session) -> None:
    decoded(stream, session)  # the control: whole, it decodes
    with pytest.raises(DamagedStreamError) as caught:
        decoded(spoilt(stream, 1, 4, 5), session)
    assert caught.value.tiles == (2, 3, 8, 9, 10, 11)
    assert "6 of 12 tiles" in str(caught.value)
    assert "tiles 2-3, 8-11" in str(caught.value)
    assert "--conceal" in str(caught.value)


@pytest.mark.parametrize("number", range(6))
def test_damaged_stream_loses_only_its_tiles(stream: bytes, session: Session, number: int) -> None:
    whole, _ = decoded(stream, session)
    pixels, result = decoded(spoilt(stream, number), session, conceal=True)
    assert result.lost_tiles == (2 * number, 2 * number + 1)
    grid = session.model.grid(WIDTH, HEIGHT)
    for tile in range(grid.tiles):
        left, top, right, bottom = grid.payload_box(tile)
        box = np.s_[top:bottom, left:right]
        if tile in result.lost_tiles:
            assert (pixels[box] == CONCEALED).all()
        else:
            assert np.array_equal(pixels[box], whole[box])


def test_everything_can_be_lost(stream: bytes, session: Session) -> None:
    pixels, result = decoded(spoilt(stream, *range(6)), session, conceal=True)
    assert len(result.lost_tiles) == 12
    assert (pixels == CONCEALED).all()


def test_cut_file_keeps_the_streams_that_are_whole(stream: bytes, session: Session) -> None:
    part = _core.parse(stream).streams[3]
    cut = stream[: part.offset + part.size // 2]
    with pytest.raises(DamagedStreamError, match="6 of 12 tiles"):
        decoded(cut, session)
    _, result = decoded(cut, session, conceal=True)
    assert result.lost_tiles == (6, 7, 8, 9, 10, 11)


def test_cut_at_any_boundary_is_an_error(stream: bytes, session: Session) -> None:
    image = _core.parse(stream)
    ends = [image.header_size, *(s.offset + s.size for s in image.streams), len(stream)]
    lengths = {end + shift for end in ends for shift in (-5, -4, -1, 0, 1, 4)}
    for length in sorted(n for n in {0, 1, 4, 50, *lengths} if n < len(stream)):
        with pytest.raises(StreamError):
            decoded(stream[:length], session)


def test_every_flipped_header_bit_is_an_error(stream: bytes, session: Session) -> None:
    header = _core.parse(stream).header_size
    for bit in range(8 * header):
        data = bytearray(stream)
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises((StreamError, ModelMismatchError)):
            open_stream(bytes(data), session)


def test_stream_of_another_version_is_refused(stream: bytes, session: Session) -> None:
    with pytest.raises(StreamError, match="version"):
        open_stream(stream[:4] + b"\x02" + stream[5:], session)


def test_bytes_that_are_no_stream_are_refused(session: Session) -> None:
    with pytest.raises(StreamError):
        open_stream(b"a text that somebody renamed", session)


def test_stream_of_another_model_is_refused(
    stream: bytes, session: Session, tmp_path: Path
) -> None:
    other = write_tiny_bundle(tmp_path / "other.bundle", shift_of_index=1)
    with Session.open(other) as wrong, pytest.raises(ModelMismatchError):
        open_stream(stream, wrong)


def test_other_synthesis_weights_are_refused_unless_overridden(
    stream: bytes, session: Session
) -> None:
    manifest = session.manifest
    session.bundle.manifest = manifest.model_copy(update={"pixel_fingerprint": "0" * 16})
    with pytest.raises(ModelMismatchError, match="pixels would be wrong"):
        open_stream(stream, session)
    open_stream(stream, session, any_pixel_model=True)
