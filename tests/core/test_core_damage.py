"""Damage is seen, named, and confined to the group of tiles it is in."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from coded_image import PIXEL_FINGERPRINT, Coded, decode, encode
from entropy_models import Symbols, plain_model, random_symbols
from hypothesis import given, settings
from hypothesis import strategies as st

from pico_deploy import _core
from pico_deploy.core_errors import (
    CoreError,
    CoreStreamError,
    DamagedStreamError,
    TruncatedStreamError,
    WrongModelError,
)
from pico_deploy.entropy.crc32c import crc32c
from pico_deploy.entropy.serialise import to_bytes


def surviving_groups(coded: Coded, data: bytes) -> set[int]:
    """Groups that decode, each to the right symbols; checks what the errors of the others name."""
    decoder = _core.Decoder(coded.model, data)
    survivors = set()
    for group in range(decoder.groups):
        tiles = decoder.tiles_of(group)
        try:
            z, y = decoder.decode_group(group, "int8")
        except DamagedStreamError as error:
            assert error.stream == group and error.tiles == tuple(tiles)
            assert f"tiles {tiles[0]} to {tiles[-1]}" in str(error)
            with pytest.raises(DamagedStreamError) as beside:  # the same, beside others
                decoder.decode_groups([group, *range(decoder.groups)], "int8")
            assert str(beside.value) == str(error) and beside.value.tiles == error.tiles
            continue
        assert (z == coded.symbols.z[tiles.start : tiles.stop]).all()
        assert (y == coded.symbols.y[tiles.start : tiles.stop]).all()
        survivors.add(group)
    return survivors


def test_an_undamaged_file_loses_nothing(coded: Coded) -> None:
    assert surviving_groups(coded, coded.data) == {0, 1, 2, 3}


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_flipped_bits_in_a_stream_lose_that_group_and_no_other(
    coded: Coded, data: st.DataObject
) -> None:
    streams = _core.parse(coded.data).streams
    hurt = data.draw(st.integers(0, len(streams) - 1))
    stream = streams[hurt]
    damaged = bytearray(coded.data)
    for _ in range(data.draw(st.integers(1, 8))):
        bit = data.draw(st.integers(8 * stream.offset, 8 * (stream.offset + stream.size + 4) - 1))
        damaged[bit // 8] ^= 1 << bit % 8
    if bytes(damaged) != coded.data:
        assert surviving_groups(coded, bytes(damaged)) == {0, 1, 2, 3} - {hurt}


def test_every_byte_of_the_header_is_covered(coded: Coded) -> None:
    header_size = _core.parse(coded.data).header_size
    for at in range(header_size):
        damaged = bytearray(coded.data)
        damaged[at] ^= 0x40
        with pytest.raises(CoreStreamError):
            _core.parse(bytes(damaged))


def test_a_damaged_chunk_loses_only_itself(coded: Coded) -> None:
    chunk = _core.parse(coded.data).chunks[0]
    damaged = bytearray(coded.data)
    damaged[chunk.offset] ^= 1
    first, second = _core.parse(bytes(damaged)).chunks
    assert (first.intact, first.data, second.intact) == (False, b"", True)
    assert surviving_groups(coded, bytes(damaged)) == {0, 1, 2, 3}


def test_truncation_loses_the_groups_that_are_cut_and_no_others(coded: Coded) -> None:
    image = _core.parse(coded.data)
    for at in range(len(coded.data)):
        if at < image.header_size:
            with pytest.raises(CoreStreamError) as error:
                _core.parse(coded.data[:at])
            assert error.value.status == ("not-pico" if at < 4 else "truncated")
        elif at % 37 == 0:
            whole = {i for i, s in enumerate(image.streams) if s.offset + s.size + 4 <= at}
            assert surviving_groups(coded, coded.data[:at]) == whole
    with pytest.raises(TruncatedStreamError) as error:
        _core.Decoder(coded.model, coded.data[:-1]).decode_group(3)
    assert error.value.status == "truncated" and error.value.tiles == (9, 10, 11)


def test_good_streams_in_each_others_place_are_refused(coded: Coded) -> None:
    """Control: the payloads are sound, as putting them back shows; only their place is wrong."""
    entropy_model = plain_model()
    model = _core.Model(to_bytes(entropy_model))
    tile = random_symbols(entropy_model, coded_grid(), seed=1)
    twice = Symbols(tile.z[:1].repeat(2, axis=0), tile.y[:1].repeat(2, axis=0))
    data = encode(model, 112, 56, 0, twice, tiles_per_stream=1)
    a, b = _core.parse(data).streams
    assert a.size == b.size
    first = data[a.offset : a.offset + a.size + 4]
    second = data[b.offset : b.offset + b.size + 4]
    assert first[:-4] == second[:-4] and first[-4:] != second[-4:]
    swapped = data[: a.offset] + second + first
    for group in range(2):
        with pytest.raises(DamagedStreamError):
            _core.Decoder(model, swapped).decode_group(group)
    assert (decode(model, swapped[: a.offset] + first + second).y == twice.y).all()


def coded_grid():
    from pico_deploy.entropy.reference.grid import Grid

    return Grid(112, 56, plain_model().geometry)


def test_a_stream_of_another_file_is_refused(coded: Coded) -> None:
    other = encode(coded.model, coded.width, coded.height, 1, coded.symbols, tiles_per_stream=3)
    again = encode(coded.model, coded.width, coded.height, 2, coded.symbols, tiles_per_stream=3)
    a, b = _core.parse(other).streams[0], _core.parse(again).streams[0]
    mixed = other[: a.offset] + again[b.offset : b.offset + b.size + 4] + other[a.offset :]
    with pytest.raises(CoreError):
        _core.Decoder(coded.model, mixed).decode_group(0)


def test_a_stream_made_with_another_model_is_refused(coded: Coded) -> None:
    other = _core.Model(to_bytes(plain_model(levels=4)))
    assert other.fingerprint != coded.model.fingerprint
    with pytest.raises(WrongModelError) as error:
        _core.Decoder(other, coded.data)
    assert error.value.status == "wrong-model" and error.value.exit_code == 5


def forge(data: bytes, stream: int, payload: bytes) -> bytes:
    """Put a payload of the same size in place of a stream's, with a CRC that holds."""
    image = _core.parse(data)
    place = struct.pack("<I1sI", image.header_crc, b"S", stream)
    s = image.streams[stream]
    assert len(payload) == s.size
    sealed = payload + struct.pack("<I", crc32c(place + payload))
    return data[: s.offset] + sealed + data[s.offset + s.size + 4 :]


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_forged_checksum_gives_an_error_or_symbols_in_range(
    coded: Coded, data: st.DataObject
) -> None:
    """What the CRC would catch is let through: the coder's own checks must hold everything in
    bounds."""
    stream = _core.parse(coded.data).streams[1]
    payload = bytearray(coded.data[stream.offset : stream.offset + stream.size])
    for _ in range(data.draw(st.integers(1, 3))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    decoder = _core.Decoder(coded.model, forge(coded.data, 1, bytes(payload)))
    try:
        z, y = decoder.decode_group(1, "int8")
    except DamagedStreamError as error:
        assert error.tiles == (3, 4, 5)
    else:
        assert np.abs(z.astype(int)).max() <= 31 and np.abs(y.astype(int)).max() <= 127


def test_forging_nothing_decodes(coded: Coded) -> None:
    """Control of the test above: the forger's checksum is the right one."""
    stream = _core.parse(coded.data).streams[1]
    payload = coded.data[stream.offset : stream.offset + stream.size]
    assert surviving_groups(coded, forge(coded.data, 1, payload)) == {0, 1, 2, 3}


def test_most_forged_single_byte_changes_are_still_noticed(coded: Coded) -> None:
    """rANS ends in a known state, so nearly every change is seen even without the CRC."""
    stream = _core.parse(coded.data).streams[2]
    payload = coded.data[stream.offset : stream.offset + stream.size]
    noticed, tried = 0, range(20, len(payload), 7)
    for at in tried:
        changed = payload[:at] + bytes([payload[at] ^ 0x10]) + payload[at + 1 :]
        try:
            _core.Decoder(coded.model, forge(coded.data, 2, changed)).decode_group(2)
        except DamagedStreamError:
            noticed += 1
    assert noticed > 0.8 * len(tried)


def test_pixel_fingerprint_is_carried_and_not_judged(coded: Coded) -> None:
    assert _core.parse(coded.data).pixel_fingerprint == PIXEL_FINGERPRINT
