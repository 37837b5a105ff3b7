"""Limits of the format: docs/bitstream.md, section 11. Names as in pico.h, without their prefix.

They stand here a second time because the reference shares nothing with the core; a test compares
the two and the document.
"""

from __future__ import annotations

from typing import Final

MAX_SIDE: Final = 65535
MAX_PIXELS: Final = 1 << 28
MAX_TILES: Final = 16384
MAX_TILES_PER_STREAM: Final = 1024
MAX_LANES: Final = 32
MAX_HEADER: Final = 1 << 20
MAX_CHUNKS: Final = 64
MAX_CHUNK: Final = 1 << 24
MAX_STREAM: Final = 1 << 28
MAX_RICE: Final = 24
MIN_PAYLOAD: Final = 16
MAX_PAYLOAD: Final = 4096
MAX_BORDER: Final = 64
MIN_STRIDE: Final = 4
MAX_MODEL: Final = 1 << 26
MAX_LATENT_CHANNELS: Final = 4096
MAX_TILE_ELEMENTS: Final = 1 << 24
MAX_SYMBOL: Final = 127
MAX_LEVELS: Final = 256
MAX_LAYERS: Final = 16
MAX_LAYER_CHANNELS: Final = 16384
MAX_SHIFT: Final = 31
MAX_WIDE_SHIFT: Final = 62
MAX_FRACTION_BITS: Final = 16
MAX_ANCHORS: Final = 32
MAX_BANKS: Final = 8
MAX_Y_TABLES: Final = 128
MAX_Z_TABLES: Final = 255
MAX_TABLES: Final = 256
MAX_TABLE_ENTRIES: Final = 128
MAX_REACH: Final = 63
