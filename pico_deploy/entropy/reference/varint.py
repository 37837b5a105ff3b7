"""Varints and a cursor over bytes: docs/bitstream.md, section 1."""

from __future__ import annotations

from pico_deploy.entropy.reference.damage import Damage


def varint(value: int) -> bytes:
    """Shortest LEB128 of 0 ≤ value < 2**32."""
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


class ByteReader:
    """Takes bytes from the front and raises `Damage` where they end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    @property
    def left(self) -> int:
        """Bytes not taken yet."""
        return len(self._data) - self.at

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        if size > self.left:
            raise Damage(f"{size} bytes expected, {self.left} left")
        self.at += size
        return self._data[self.at - size : self.at]

    def varint(self) -> int:
        """The next varint; refuses forms that are too long or not below 2**32."""
        value = 0
        for shift in range(0, 35, 7):
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            if byte < 128:
                if (byte == 0 and shift > 0) or value >= 1 << 32:
                    break
                return value
        raise Damage("a varint is malformed")
