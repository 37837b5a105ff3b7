"""Fixtures of the core's tests: one image, coded once, and helpers to code and decode whole
images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from entropy_models import Symbols, plain_model, random_symbols

from pico_deploy import _core
from pico_deploy.entropy.model import EntropyModel
from pico_deploy.entropy.reference.grid import Grid
from pico_deploy.entropy.serialise import to_bytes

PIXEL_FINGERPRINT = b"pixels!!"


def encode(
    model: _core.Model,
    width: int,
    height: int,
    levels: int | np.ndarray,
    symbols: Symbols,
    **options,
) -> bytes:
    encoder = _core.Encoder(model, width, height, levels, PIXEL_FINGERPRINT, **options)
    for group in range(encoder.groups):
        tiles = encoder.tiles_of(group)
        part = slice(tiles.start, tiles.stop)
        encoder.encode_group(group, symbols.z[part], symbols.y[part])
    return encoder.finish()


def decode(model: _core.Model, data: bytes, dtype: str = "int8") -> Symbols:
    decoder = _core.Decoder(model, data)
    groups = [decoder.decode_group(group, dtype) for group in range(decoder.groups)]
    return Symbols(*(np.concatenate(part) for part in zip(*groups, strict=True)))


@dataclass(frozen=True, eq=False)
class Coded:
    """An image of several groups of tiles, with its symbols and its file."""

    entropy_model: EntropyModel
    entropy_bin: bytes
    model: _core.Model
    width: int
    height: int
    symbols: Symbols
    data: bytes


def coded_image() -> Coded:
    """4 × 3 tiles of 56 pixels, cut at the right and below; three tiles a stream; two chunks."""
    entropy_model = plain_model()
    entropy_bin = to_bytes(entropy_model)
    model = _core.Model(entropy_bin)
    width, height = 200, 130
    grid = Grid(width, height, entropy_model.geometry)
    symbols = random_symbols(entropy_model, grid, seed=3)
    levels = np.arange(grid.tiles, dtype=np.uint8) % entropy_model.geometry.levels
    data = encode(
        *(model, width, height, levels, symbols),
        tiles_per_stream=3,
        chunks=[("iccp", b"a profile"), ("exif", b"")],
    )
    return Coded(entropy_model, entropy_bin, model, width, height, symbols, data)
