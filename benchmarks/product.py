"""Whole images through the product's Python API, in one thread and in two.

A network as in `pico-s` (`linear`), 48 tiles, symbols drawn with the scales that it gives: z, the
network, y, headers and checksums, arrays allocated. Groups of tiles are independent and the core
releases the GIL, so two threads take them in turn. What two threads can gain at most here is
measured beside it: checksums of a buffer in the cache, which share nothing, cut the same way.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import network
import numpy as np
from numpy.typing import NDArray
from workload import SCALES

from pico_deploy import _core
from pico_deploy.entropy.gaussian import standard_tables
from pico_deploy.entropy.serialise import to_bytes

WIDTH, HEIGHT, TILES = 4032, 3024, 48
Z_SCALE = 45
SEED = 20261123
CHECKSUMS, CHECKSUM_SIZE = 6, 1 << 18


@dataclass(frozen=True)
class Line:
    """Wall-clock milliseconds of an image; `dtype` is that of the symbols."""

    dtype: str
    threads: int
    encode_ms: float
    decode_ms: float
    megabytes: float


class Image:
    """Symbols of one image, and how to code them."""

    def __init__(self) -> None:
        model = network.make_model("linear")
        rows = (standard_tables()[Z_SCALE],)
        self.model = _core.Model(
            to_bytes(replace(model, z_tables=replace(model.z_tables, rows=rows)))
        )
        rng = np.random.default_rng(SEED)
        g = model.geometry
        shape = (TILES, g.z_channels, g.z_side, g.z_side)
        self.z = np.rint(rng.standard_normal(shape) * SCALES[Z_SCALE]).astype(np.int8)
        self.z = np.clip(self.z, -g.z_max, g.z_max)
        index = self.model.scale_indices(self.z, np.full(TILES, network.LEVEL, np.uint8))
        noise = rng.standard_normal(index.shape, np.float32) * SCALES[index].astype(np.float32)
        self.y = np.clip(np.rint(noise), -127, 127).astype(np.int8)

    def encode(
        self, z: NDArray[np.generic], y: NDArray[np.generic], threads: ThreadPoolExecutor | None
    ) -> bytes:
        """The file."""
        encoder = _core.Encoder(self.model, WIDTH, HEIGHT, network.LEVEL, bytes(8))

        def group(number: int) -> None:
            tiles = encoder.tiles_of(number)
            part = slice(tiles.start, tiles.stop)
            encoder.encode_group(number, z[part], y[part])

        _each(group, encoder.groups, threads)
        return encoder.finish()

    def decode(
        self, data: bytes, dtype: str, threads: ThreadPoolExecutor | None
    ) -> list[tuple[NDArray[np.generic], NDArray[np.generic]]]:
        """(z, y) of every group."""
        decoder = _core.Decoder(self.model, data)
        if threads is None:
            return decoder.decode_groups(range(decoder.groups), dtype)
        half = (decoder.groups + 1) // 2
        parts = [range(half), range(half, decoder.groups)]
        decoded = threads.map(lambda part: decoder.decode_groups(part, dtype), parts)
        return [group for part in decoded for group in part]


def _each(action: Callable[[int], None], count: int, threads: ThreadPoolExecutor | None) -> None:
    if threads is None:
        for number in range(count):
            action(number)
    else:
        list(threads.map(action, range(count)))


def _best_wall_ms(action: Callable[[], object], seconds: float) -> float:
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def measure(image: Image, dtype: str, threads: int, seconds: float) -> Line:
    """Raises if a symbol changed."""
    z, y = image.z.astype(dtype), image.y.astype(dtype)
    with ThreadPoolExecutor(threads) as executor:
        pool = executor if threads > 1 else None
        data = image.encode(z, y, pool)
        decoded = np.concatenate([group[1] for group in image.decode(data, dtype, pool)])
        if not np.array_equal(decoded, y):
            raise RuntimeError("the product did not give the symbols back")
        del decoded
        encode = _best_wall_ms(lambda: image.encode(z, y, pool), seconds)
        decode = _best_wall_ms(lambda: image.decode(data, dtype, pool), seconds)
    return Line(dtype, threads, encode, decode, len(data) / 1e6)


def ceiling(seconds: float) -> float:
    """How many times as fast two threads are at what needs neither memory nor each other."""
    data = bytes(CHECKSUM_SIZE)

    def checksum(_number: int) -> None:
        for _ in range(8):
            hashlib.sha256(data)

    with ThreadPoolExecutor(2) as pool:
        one = _best_wall_ms(lambda: _each(checksum, CHECKSUMS, None), seconds)
        return one / _best_wall_ms(lambda: _each(checksum, CHECKSUMS, pool), seconds)


def report(seconds: float) -> list[Line]:
    """Print the table."""
    image = Image()
    lines = [measure(image, d, n, seconds) for d in ("int8", "float32") for n in (1, 2)]
    rate = 8e6 * lines[0].megabytes / (WIDTH * HEIGHT)
    print(
        f"\nWhole image of {rate:.2f} bits a pixel through the Python API, network included;"
        " wall-clock ms"
    )
    for one, two in zip(lines[::2], lines[1::2], strict=True):
        print(
            f"   {one.dtype:<8} encode {one.encode_ms:6.1f} ms, two threads {two.encode_ms:6.1f} ms"
            f" ({one.encode_ms / two.encode_ms:.2f} x);"
            f" decode {one.decode_ms:6.1f} ms, two threads {two.decode_ms:6.1f} ms"
            f" ({one.decode_ms / two.decode_ms:.2f} x)",
            flush=True,
        )
    print(f"   two threads at checksums in the cache: {ceiling(seconds):.2f} x")
    return lines
