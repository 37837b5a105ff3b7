"""Everything here that codes symbols: the core with each of its kernel sets, and the NumPy
reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from pico_deploy import _core
from pico_deploy.conformance.symbols import TileSymbols
from pico_deploy.conformance.verification import NotRun
from pico_deploy.entropy import reference
from pico_deploy.entropy.model import EntropyModel
from pico_deploy.entropy.serialise import from_bytes

Decode = Callable[[bytes], dict[int, TileSymbols]]
"""From the bytes of a stream to the symbols of every tile."""
Recode = Callable[[bytes, Mapping[int, TileSymbols]], bytes]
"""From a stream, for its parameters, and symbols to a stream; skip thresholds are chosen anew."""


@dataclass(frozen=True)
class Implementation:
    """One coder of symbols; ``recode`` is None for one that only decodes."""

    name: str
    decode: Decode
    recode: Recode | None = None


def implementations(entropy_bin: bytes) -> tuple[list[Implementation], list[NotRun]]:
    """All of this machine, and by reason those that its CPU cannot run."""
    found, not_run = [], []
    for kernels, runs_here in _core.kernels().items():
        if runs_here:
            found.append(core(f"core/{kernels}", _core.Model(entropy_bin, kernels)))
        else:
            reason = "this CPU does not have its instructions"
            not_run.append(NotRun(what=f"core/{kernels}", reason=reason))
    found.append(numpy_reference(from_bytes(entropy_bin)))
    return found, not_run


def core(name: str, model: _core.Model) -> Implementation:
    """The core with the kernel set of ``model``."""

    def decode(stream: bytes) -> dict[int, TileSymbols]:
        decoder = _core.Decoder(model, stream)
        return dict(_decoded(decoder))

    def recode(stream: bytes, tiles: Mapping[int, TileSymbols]) -> bytes:
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

    return Implementation(name, decode, recode)


def _decoded(decoder: _core.Decoder) -> Iterator[tuple[int, TileSymbols]]:
    for group in range(decoder.groups):
        z, y = decoder.decode_group(group, "int8")
        for i, tile in enumerate(decoder.tiles_of(group)):
            yield tile, TileSymbols.of(z[i], y[i])


def numpy_reference(model: EntropyModel) -> Implementation:
    """The normative text as NumPy; shares nothing with the core."""

    def decode(stream: bytes) -> dict[int, TileSymbols]:
        _, z, y = reference.decode_file(model, stream)
        return {tile: TileSymbols.of(z[tile], y[tile]) for tile in range(len(z))}

    def recode(stream: bytes, tiles: Mapping[int, TileSymbols]) -> bytes:
        header = reference.parse(stream)
        order = sorted(tiles)
        return reference.encode_file(
            model,
            header.width,
            header.height,
            np.asarray(header.levels),
            header.pixel_fingerprint,
            np.stack([tiles[tile].z for tile in order]),
            np.stack([tiles[tile].y for tile in order]),
            chunks=header.chunks,
            lanes=header.lanes,
            tiles_per_stream=header.tiles_per_stream,
        )

    return Implementation("numpy reference", decode, recode)
