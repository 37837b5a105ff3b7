"""Symbols are compared as integers, and a difference is located."""

import hashlib

import numpy as np
import pytest

from pico_deploy.conformance.symbols import (
    SymbolRecorder,
    TileSymbols,
    first_difference,
    image_sha256,
)
from pico_deploy.errors import VerificationError
from pico_deploy.runtime.observer import SymbolHash

Z = np.arange(-8, 8, dtype=np.float32).reshape(1, 4, 2, 2)
Y = np.arange(-64, 64, dtype=np.float32).reshape(1, 8, 4, 4)


def tiles() -> dict[int, TileSymbols]:
    return {tile: TileSymbols.of(Z + tile, Y) for tile in range(2)}


def test_hash_is_that_of_int8_bytes_and_the_one_the_runtime_reports() -> None:
    watch = SymbolHash()
    digest = hashlib.sha256()
    for tile in range(2):
        watch.symbols(tile, Z + tile, Y)
        digest.update((Z + tile).astype(np.int8).tobytes() + Y.astype(np.int8).tobytes())
    assert image_sha256(tiles()) == watch.hexdigest() == digest.hexdigest()


def test_layout_and_type_do_not_matter() -> None:
    nhwc = np.ascontiguousarray(Y.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    for y in (nhwc, Y.astype(np.int8), Y.astype(np.float16), Y[0]):
        assert TileSymbols.of(Z, y).y_sha256 == TileSymbols.of(Z, Y).y_sha256


@pytest.mark.parametrize("value", [0.5, 128.0, -129.0, np.nan, np.inf])
def test_value_that_is_no_symbol_is_an_error_never_rounded(value: float) -> None:
    broken = Y.copy()
    broken[0, 3, 1, 2] = value
    with pytest.raises(VerificationError, match="no integers"):
        TileSymbols.of(Z, broken)


def test_difference_is_located_to_the_symbol() -> None:
    changed = tiles()
    y = changed[1].y.copy()
    y[3, 1, 2] += 1
    changed[1] = TileSymbols(changed[1].z, y)
    found = first_difference(tiles(), changed)
    assert found is not None
    assert "1 of 128 symbols of y in tile 1" in found
    assert "(3, 1, 2)" in found
    assert image_sha256(changed) != image_sha256(tiles())


def test_missing_extra_and_misshapen_tiles_are_differences() -> None:
    assert first_difference(tiles(), tiles()) is None
    assert first_difference(tiles(), {0: tiles()[0]}) == "tile 1 is not decoded"
    assert first_difference({0: tiles()[0]}, tiles()) == "tile 1 is decoded but not sent"
    narrow = {**tiles(), 0: TileSymbols(tiles()[0].z, tiles()[0].y[:, :2])}
    assert "instead of (8, 4, 4)" in str(first_difference(tiles(), narrow))


def test_recorder_keeps_copies_because_runtimes_reuse_their_buffers() -> None:
    recorder, buffer = SymbolRecorder(), Y.copy()
    recorder.symbols(0, Z, buffer)
    buffer[:] = 0
    assert recorder.tiles[0].y_sha256 == TileSymbols.of(Z, Y).y_sha256
