"""Limits: at the limit it works, one beyond it is refused, and huge claims cost no memory."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest
from coded_image import PIXEL_FINGERPRINT, Coded
from entropy_models import plain_model
from test_core_status import header_with

from pico_deploy import _core
from pico_deploy.core_errors import CoreError, CoreStreamError, CoreUsageError, LimitError
from pico_deploy.entropy import limits
from pico_deploy.entropy.errors import ModelBuildError
from pico_deploy.entropy.model import Geometry
from pico_deploy.entropy.serialise import to_bytes


@pytest.fixture(scope="module")
def large_tiles() -> _core.Model:
    """Tiles of 4096 pixels, so that the largest image has few of them."""
    model = plain_model(y_channels=1, z_channels=1, payload=4088)
    return _core.Model(to_bytes(model))


def test_width_height_and_pixels(large_tiles: _core.Model) -> None:
    side, pixels = _core.LIMITS["side"], _core.LIMITS["pixels"]
    assert large_tiles.grid(side, pixels // side).width == side
    assert large_tiles.grid(1, side).height == side
    assert large_tiles.grid(16384, 16384).tiles == 25
    for width, height in ((side + 1, 1), (1, side + 1), (16384, 16385), (0, 1), (1, 0)):
        with pytest.raises(LimitError):
            large_tiles.grid(width, height)


def test_tiles(coded: Coded) -> None:
    most = _core.LIMITS["tiles"]
    assert coded.model.grid(56 * 128, 56 * 128).tiles == most
    with pytest.raises(LimitError):
        coded.model.grid(56 * 128 + 1, 56 * 128)


def test_tiles_per_stream(coded: Coded) -> None:
    most = _core.LIMITS["tiles_per_stream"]
    _core.Encoder(coded.model, 9, 9, 0, PIXEL_FINGERPRINT, tiles_per_stream=most)
    with pytest.raises(CoreUsageError):
        _core.Encoder(coded.model, 9, 9, 0, PIXEL_FINGERPRINT, tiles_per_stream=most + 1)
    assert _core.parse(header_with(coded.data, 48, 12, 0)[:0] + coded.data).tiles_per_stream == 3
    with pytest.raises(LimitError):
        _core.parse(header_with(coded.data, 48, *struct.pack("<H", most + 1)))


def test_number_and_size_of_chunks(coded: Coded) -> None:
    def encoder(chunks: list[tuple[str, bytes]]) -> _core.Encoder:
        return _core.Encoder(coded.model, 9, 9, 0, PIXEL_FINGERPRINT, chunks=chunks)

    encoder([("aaaa", b"")] * _core.LIMITS["chunks"])
    encoder([("aaaa", bytes(_core.LIMITS["chunk"]))])
    with pytest.raises(LimitError):
        encoder([("aaaa", b"")] * (_core.LIMITS["chunks"] + 1))
    with pytest.raises(LimitError):
        encoder([("aaaa", bytes(_core.LIMITS["chunk"] + 1))])
    for kind in ("aaa", "a1aa", "ää"):
        with pytest.raises(CoreUsageError):
            encoder([(kind, b"")])


def test_a_header_that_claims_to_be_huge_is_refused_before_it_is_read(coded: Coded) -> None:
    for size in (_core.LIMITS["header"] + 1, 2**32 - 1):
        with pytest.raises(LimitError):
            _core.parse(coded.data[:8] + struct.pack("<I", size) + coded.data[12:])
    with pytest.raises(CoreError) as error:
        _core.parse(coded.data[:8] + struct.pack("<I", 2**20) + coded.data[12:])
    assert error.value.status == "truncated"
    with pytest.raises(CoreStreamError):
        _core.parse(coded.data[:8] + struct.pack("<I", 3) + coded.data[12:])


@pytest.mark.parametrize(
    "change",
    [
        {"payload": 15},
        {"payload": 4104},
        {"border": 8},
        {"y_stride": 2},
        {"z_stride": 24},
        {"y_channels": 4097},
        {"z_channels": 0},
        {"levels": 257},
        {"y_max": 128},
        {"z_max": 0},
    ],
)
def test_a_geometry_beyond_the_limits_cannot_be_exported(change: dict[str, int]) -> None:
    model = plain_model()
    to_bytes(model)
    with pytest.raises(ModelBuildError):
        to_bytes(replace(model, geometry=replace(model.geometry, **change)))


def test_elements_of_a_tile(monkeypatch: pytest.MonkeyPatch) -> None:
    """4096-pixel tiles at stride 4 have 2**20 positions: sixteen channels fit, seventeen do not."""

    def entropy_bin(channels: int) -> bytes:
        model = plain_model(y_channels=channels, z_channels=1)
        return to_bytes(replace(model, geometry=Geometry(4090, 3, 4, 8, channels, 1, 3)))

    assert _core.Model(entropy_bin(16)).y_side == 1024
    with pytest.raises(ModelBuildError):
        entropy_bin(17)
    monkeypatch.setattr(limits, "MAX_TILE_ELEMENTS", 1 << 30)
    too_many = entropy_bin(17)
    with pytest.raises(CoreError) as error:
        _core.Model(too_many)
    assert error.value.status == "over-limit"


def test_levels_array_must_fit_the_image(coded: Coded) -> None:
    for levels in (np.zeros(11, np.uint8), np.zeros(12, np.int64), "high", 256, -1, 1.5):
        with pytest.raises(CoreUsageError):
            _core.Encoder(coded.model, 200, 130, levels, PIXEL_FINGERPRINT)
    _core.Encoder(coded.model, 200, 130, np.int64(1), PIXEL_FINGERPRINT)


def test_symbols_of_another_shape_or_type_are_refused(coded: Coded) -> None:
    z, y = coded.symbols.z[:8], coded.symbols.y[:8]
    encoder = _core.Encoder(coded.model, 200, 130, 0, PIXEL_FINGERPRINT)
    for bad_z, bad_y in (
        (z[:7], y),
        (z[:, :3], y),
        (z, y[..., :7]),
        (z.astype(np.int32), y),
        (z, y.astype(np.float64)),
        (z[0], y),
        (list(z[:7]), y),
        ([z] * 8, y),
        (z, "y"),
        (None, y),
        (z.astype(">f4"), y),
    ):
        with pytest.raises(CoreUsageError):
            encoder.encode_group(0, bad_z, bad_y)
    encoder.encode_group(0, z, y)
