"""libpico from Python: the integer entropy model, the `.pico` stream and the pixel kernels.

Arrays of symbols are called `z` and `y`. Wherever symbols go in, these are accepted: int8, float16
or float32, any strides (so an NHWC output is passed as `a.transpose(0, 3, 1, 2)`, without a copy),
either one array `[N, C, H, W]` or a sequence of N arrays `[C, H, W]` or `[1, C, H, W]`. Float
arrays must hold exact integers; a fraction, a NaN, a value out of range or a non-zero void element
raises `SymbolError` and is never clamped.

Every function that does work releases the GIL. `Model`, `Image` and `Decoder` are immutable and may
be shared by threads; an `Encoder` takes groups from several threads at once.

Raises only subclasses of `pico_deploy.errors.PicoError`, all of which carry the core's stable
status name: see `pico_deploy.core_errors`.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Symbols: TypeAlias = NDArray[Any] | Sequence[NDArray[Any]]
SymbolType: TypeAlias = Literal["int8", "float16", "float32"]
PixelType: TypeAlias = Literal["float16", "float32"]
PixelLayout: TypeAlias = Literal["chw", "hwc"]

STATUSES: dict[str, int]
"""Stable status name → number (append-only), for example `{"ok": 0, "truncated": 4, …}`."""

LIMITS: dict[str, int]
"""The named limits of the format (`PICO_MAX_…` in `pico.h`), for example `LIMITS["tiles"]`."""

BITSTREAM_VERSION: tuple[int, int]
"""(major, minor) of the streams this library writes."""

def status_text(name: str) -> str:
    """One sentence for a status: what it means and what to try."""

def kernels() -> dict[str, bool]:
    """Kernel sets compiled in, in order of preference, and whether this CPU can run them."""

def crc32c(data: bytes, seed: int = 0) -> int:
    """CRC-32C (Castagnoli) of `data`, continued from `seed`."""

class Layer:
    """What the loader recomputed about one layer of the integer network."""

    @property
    def kind(self) -> Literal["pointwise", "depthwise3x3"]: ...
    @property
    def inputs(self) -> int: ...
    @property
    def outputs(self) -> int: ...
    @property
    def wide(self) -> bool:
        """Whether products need 64 bits (the bound does not fit 32)."""
    @property
    def accumulator_bound(self) -> int:
        """Largest |acc| any input can reach, over channels."""
    @property
    def product_bound(self) -> int:
        """Largest |acc·m| + |bias| + half, over channels and levels."""

class Model:
    """An `entropy.bin`, checked: geometry, integer network and tables. Immutable, shared by
    threads.

    Raises `EntropyModelError` when the bytes are not a sound model (format, bounds, tables).
    `cpu` forces a kernel set ("scalar", …); without it the environment variable `PICO_CPU` does;
    without that the best set this CPU runs is taken.
    """

    def __init__(self, entropy_bin: bytes, cpu: str | None = None) -> None: ...
    @property
    def fingerprint(self) -> bytes:
        """First 16 bytes of the SHA-256 of the model's bytes."""
    @property
    def kernels(self) -> str:
        """Name of the kernel set in use."""
    @property
    def tile(self) -> int:
        """Side of the square tile that the networks see, in pixels (payload + 2·border)."""
    @property
    def payload(self) -> int: ...
    @property
    def border(self) -> int: ...
    @property
    def y_stride(self) -> int: ...
    @property
    def z_stride(self) -> int: ...
    @property
    def y_channels(self) -> int: ...
    @property
    def z_channels(self) -> int: ...
    @property
    def y_side(self) -> int:
        """Rows and columns of a tile's `y` (tile / y_stride)."""
    @property
    def z_side(self) -> int: ...
    @property
    def y_max(self) -> int:
        """Symbols of `y` lie in ±y_max."""
    @property
    def z_max(self) -> int: ...
    @property
    def levels(self) -> int: ...
    @property
    def banks(self) -> int: ...
    @property
    def y_rows(self) -> int:
        """Number of scale indices (tables of `y`)."""
    @property
    def layers(self) -> list[Layer]: ...
    def scale_indices(self, z: Symbols, levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Run the integer network: z [N, Cz, h, w], level of each tile [N] → index uint8 [N, Cy, H,
        W].

        Void elements of `z` must be 0, as the codec makes them.
        """
    def grid(self, width: int, height: int) -> Grid:
        """The tile grid of an image; raises `LimitError` beyond the format's limits."""

class Grid:
    """How an image divides into tiles. Tiles are numbered row by row."""

    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def tile(self) -> int: ...
    @property
    def payload(self) -> int: ...
    @property
    def border(self) -> int: ...
    @property
    def columns(self) -> int: ...
    @property
    def rows(self) -> int: ...
    @property
    def tiles(self) -> int: ...
    def y_valid(self, tile: int) -> tuple[int, int]:
        """(rows, columns) of `y` that are not void: the top-left rectangle of the tile."""
    def z_valid(self, tile: int) -> tuple[int, int]: ...
    def y_mask(self, tile: int) -> NDArray[np.float32]:
        """float32 [1, 1, H, W], 1 = the element's cell touches the image, 0 = void."""
    def z_mask(self, tile: int) -> NDArray[np.float32]: ...
    def payload_box(self, tile: int) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) in image pixels of the part this tile owns, cropped to the
        image."""
    def source_rows(self, tile: int) -> tuple[int, int]:
        """[first, end) of the image rows a tile reads, border included, cropped to the image."""

class Stream:
    """One independently decodable group of tiles inside a `.pico` file."""

    @property
    def first_tile(self) -> int: ...
    @property
    def tiles(self) -> int: ...
    @property
    def offset(self) -> int:
        """Byte range of the payload within the file; its CRC-32C follows it."""
    @property
    def size(self) -> int: ...

class Chunk:
    """One metadata chunk: four-letter type (lower-case first letter: optional) and its payload."""

    @property
    def type(self) -> str: ...
    @property
    def offset(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def intact(self) -> bool:
        """Whether the chunk is complete and its CRC-32C holds (a damaged optional chunk loses only
        itself)."""
    @property
    def data(self) -> bytes:
        """The payload; empty when the chunk is not intact."""

class Image:
    """What the header of a `.pico` file says. Made by `parse`; needs no model."""

    @property
    def version(self) -> tuple[int, int]: ...
    @property
    def entropy_fingerprint(self) -> bytes: ...
    @property
    def pixel_fingerprint(self) -> bytes: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def tile(self) -> int: ...
    @property
    def payload(self) -> int: ...
    @property
    def border(self) -> int: ...
    @property
    def columns(self) -> int: ...
    @property
    def rows(self) -> int: ...
    @property
    def tiles(self) -> int: ...
    @property
    def levels(self) -> NDArray[np.uint8]:
        """Level of every tile, uint8 [tiles]."""
    @property
    def lanes(self) -> int: ...
    @property
    def tiles_per_stream(self) -> int: ...
    @property
    def streams(self) -> list[Stream]: ...
    @property
    def chunks(self) -> list[Chunk]: ...
    @property
    def header_size(self) -> int:
        """Bytes of the header, its CRC-32C included."""
    @property
    def header_crc(self) -> int: ...

def parse(data: bytes) -> Image:
    """Read and check the header and directories of a `.pico` file (not the streams).

    Raises `StreamError` subclasses: not a `.pico` file, unsupported version or chunk, damaged or
    truncated header, over a limit. A file that ends inside its streams parses: the streams that are
    missing fail in `decode_group`.
    """

class Encoder:
    """Codes one image. `encode_group` for every group of tiles, in any order and from any thread,
    then `finish`.

    `levels`: one level for all tiles, or uint8 [tiles]. `pixel_fingerprint`: 8 bytes. `chunks`:
    (type, payload) pairs. `lanes` (4, 16, 32) and `tiles_per_stream`: 0 takes the default for the
    image size. `skip`: None chooses the threshold of every tile for size and speed; 0 turns
    skipping off; T leaves out elements with index ≤ T (lossless in every case).
    """

    def __init__(
        self,
        model: Model,
        width: int,
        height: int,
        levels: int | NDArray[np.uint8],
        pixel_fingerprint: bytes,
        *,
        chunks: Sequence[tuple[str, bytes]] = (),
        lanes: int = 0,
        tiles_per_stream: int = 0,
        skip: int | None = None,
    ) -> None: ...
    @property
    def grid(self) -> Grid: ...
    @property
    def groups(self) -> int: ...
    @property
    def lanes(self) -> int: ...
    @property
    def tiles_per_stream(self) -> int: ...
    def tiles_of(self, group: int) -> range:
        """The tiles of a group, in coding order."""
    def encode_group(self, group: int, z: Symbols, y: Symbols) -> int:
        """Code the tiles `tiles_of(group)` and return the bytes they take. Raises `SymbolError`."""
    def finish(self) -> bytes:
        """The whole file; raises `UsageError` when a group is missing."""

class Decoder:
    """Decodes the groups of one file. Raises `WrongModelError` when the file was made with another
    model."""

    def __init__(self, model: Model, data: bytes) -> None: ...
    @property
    def image(self) -> Image: ...
    @property
    def grid(self) -> Grid: ...
    @property
    def groups(self) -> int: ...
    def tiles_of(self, group: int) -> range: ...
    def decode_group(
        self, group: int, dtype: SymbolType = "float32"
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """z [n, Cz, h, w] and y [n, Cy, H, W] of the group's tiles; void elements are 0.

        Raises `DamagedStreamError` or `TruncatedStreamError`; both name `.stream` and `.tiles`, and
        no other group is touched.
        """
    def decode_groups(
        self, groups: Iterable[int], dtype: SymbolType = "float32"
    ) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """`decode_group` of each, two or three at a time in this thread, which is faster where the
        CPU has a kernel for it. Raises for the first group that fails; the others still decode
        alone.
        """

def pixels_to_tile(
    rows: NDArray[np.uint8],
    first_row: int,
    grid: Grid,
    tile: int,
    dtype: PixelType = "float32",
    layout: PixelLayout = "chw",
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Cut one tile out of image rows, with its border; outside the image the nearest edge pixel
    repeats.

    `rows`: uint8 [R, width, 3], image rows first_row … first_row + R - 1, which must hold
    `grid.source_rows(tile)`. Returns [1, 3, tile, tile] ("chw") or [1, tile, tile, 3] ("hwc"),
    values v/255 correctly rounded.
    """

def tile_to_pixels(
    tile_pixels: NDArray[Any],
    rows: NDArray[np.uint8],
    first_row: int,
    grid: Grid,
    tile: int,
    layout: PixelLayout = "chw",
) -> int:
    """Write a tile's payload into image rows: 255·x rounded half up, clamped to 0…255, NaN → 0.

    `tile_pixels`: float16 or float32, [3, tile, tile] or [1, 3, tile, tile] ("chw"; "hwc"
    likewise), any strides. Writes into `rows` (uint8 [R, width, 3], in place) and returns how many
    samples were NaN.
    """
