"""CRC-32C (Castagnoli) in Python: the reference shares no code with the core, not even this."""

from __future__ import annotations

_POLYNOMIAL = 0x82F63B78


def _entry(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
    return value


_TABLE = tuple(_entry(value) for value in range(256))


def crc32c(data: bytes, seed: int = 0) -> int:
    """CRC of `data`, continued from the CRC `seed` of what came before."""
    crc = ~seed & 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 255]
    return ~crc & 0xFFFFFFFF
