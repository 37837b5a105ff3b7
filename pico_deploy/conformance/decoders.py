"""Everything here that turns a stream into symbols: the core with each of its kernel sets, the
NumPy reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from pico_deploy import _core
from pico_deploy.conformance.symbols import TileSymbols
from pico_deploy.conformance.verification import NotRun

SymbolDecoder = Callable[[bytes], dict[int, TileSymbols]]
"""From the bytes of a stream to the symbols of every tile."""


def core_models(entropy_bin: bytes) -> tuple[dict[str, _core.Model], list[NotRun]]:
    """The model with every kernel set that this CPU runs, by ``core/<set>``; the others by
    reason.
    """
    models, not_run = {}, []
    for kernels, runs_here in _core.kernels().items():
        name = f"core/{kernels}"
        if runs_here:
            models[name] = _core.Model(entropy_bin, kernels)
        else:
            not_run.append(NotRun(what=name, reason="this CPU has not its instructions"))
    return models, not_run


def core_decoder(model: _core.Model) -> SymbolDecoder:
    """Decode with the core."""

    def decode(stream: bytes) -> dict[int, TileSymbols]:
        decoder = _core.Decoder(model, stream)
        tiles = {}
        for group in range(decoder.groups):
            z, y = decoder.decode_group(group, "int8")
            for i, tile in enumerate(decoder.tiles_of(group)):
                tiles[tile] = TileSymbols.of(z[i], y[i])
        return tiles

    return decode


def recode(model: _core.Model, stream: bytes, tiles: Mapping[int, TileSymbols]) -> bytes:
    """Code symbols again with the parameters of a stream, its skip thresholds chosen anew."""
    image = _core.parse(stream)
    levels = np.asarray(image.levels)
    encoder = _core.Encoder(
        model,
        image.width,
        image.height,
        int(levels[0]) if (levels == levels[0]).all() else levels,
        image.pixel_fingerprint,
        chunks=[(chunk.type, chunk.data) for chunk in image.chunks],
        lanes=image.lanes,
        tiles_per_stream=image.tiles_per_stream,
    )
    for group in range(encoder.groups):
        members = [tiles[tile] for tile in encoder.tiles_of(group)]
        encoder.encode_group(group, [t.z for t in members], [t.y for t in members])
    return encoder.finish()
