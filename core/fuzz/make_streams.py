"""Makes `core/fuzz/streams`: the models and streams that the corruption run damages.

    PYTHONPATH=tests python core/fuzz/make_streams.py

`plain` and `banks` are the small models of the tests; their streams have several tiles, levels,
streams and chunks. Byte-reproducible.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from coded_image import encode
from entropy_models import plain_model, random_model, random_symbols

from pico_deploy import _core
from pico_deploy.entropy.model import EntropyModel
from pico_deploy.entropy.reference.grid import Grid
from pico_deploy.entropy.serialise import to_bytes

HERE = Path(__file__).resolve().parent
CHUNKS = [("iccp", b"a profile"), ("exif", b"a camera")]


def write(name: str, model: EntropyModel, sizes: list[tuple[int, int]]) -> None:
    """A model and one stream for each size, each laid out in another way."""
    folder = HERE / "streams"
    folder.mkdir(exist_ok=True)
    entropy_bin = to_bytes(model)
    (folder / f"{name}.bin").write_bytes(entropy_bin)
    core = _core.Model(entropy_bin)
    for number, (width, height) in enumerate(sizes):
        grid = Grid(width, height, model.geometry)
        symbols = random_symbols(model, grid, number)
        levels = np.arange(grid.tiles, dtype=np.uint8) % model.geometry.levels
        data = encode(
            *(core, width, height, levels if number else 0, symbols),
            lanes=(4, 16, 32)[number % 3],
            tiles_per_stream=1 + number,
            chunks=CHUNKS[:number],
        )
        (folder / f"{name}-{number}.pico").write_bytes(data)


def with_banks() -> EntropyModel:
    """The first random model that has a choice of banks and more than one layer."""
    models = (random_model(seed) for seed in range(1000))
    return next(m for m in models if m.z_tables.banks > 1 and len(m.layers) > 1)


def main() -> int:
    """Entry point."""
    payload = (banks := with_banks()).geometry.payload
    write("plain", plain_model(y_channels=4), [(56, 40), (100, 60), (120, 100)])
    write("banks", banks, [(2 * payload, payload), (2 * payload, 2 * payload)])
    return 0


if __name__ == "__main__":
    sys.exit(main())
