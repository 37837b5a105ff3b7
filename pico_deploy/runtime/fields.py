"""A binary file as a list of fields, and how such a list is printed: offset, bytes, meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pico_deploy.entropy.reference.damage import Damage
from pico_deploy.entropy.reference.varint import ByteReader

ROW_BYTES = 8
SHOWN_BYTES = 32
"""Of a longer field only the beginning is printed, and how much is left out."""


@dataclass(frozen=True)
class Field:
    """Bytes of the file from ``offset`` on, and what they say."""

    offset: int
    data: bytes
    meaning: str


class FieldReader:
    """Takes fields from the front of ``data[start:]`` and remembers each.

    A meaning is a text in which ``{}`` stands for the value, or a function of the value. Raises
    ``Damage`` where the bytes end or a varint is malformed.
    """

    def __init__(self, data: bytes, start: int = 0) -> None:
        self._data = data
        self._start = start
        self._reader = ByteReader(data[start:])
        self.fields: list[Field] = []

    @property
    def offset(self) -> int:
        """Where in the file the next field begins."""
        return self._start + self._reader.at

    @property
    def left(self) -> int:
        """Bytes not taken yet."""
        return self._reader.left

    def take(self, size: int, meaning: str) -> bytes:
        """A field of ``size`` bytes; an empty one is not listed."""
        offset = self.offset
        data = self._reader.take(size)
        if data:
            self.fields.append(Field(offset, data, meaning))
        return data

    def number(
        self, size: int, meaning: str | Callable[[int], str], *, signed: bool = False
    ) -> int:
        """A little-endian integer of ``size`` bytes."""
        offset = self.offset
        data = self._reader.take(size)
        value = int.from_bytes(data, "little", signed=signed)
        self.fields.append(Field(offset, data, _said(meaning, value)))
        return value

    def varint(self, meaning: str | Callable[[int], str]) -> int:
        """An integer in as many bytes as it needs."""
        offset = self.offset
        try:
            value = self._reader.varint()
        except Damage:
            self._reader.at = offset - self._start  # its bytes are in no field yet
            raise
        data = self._data[offset : self.offset]
        self.fields.append(Field(offset, data, _said(meaning, value)))
        return value


def _said(meaning: str | Callable[[int], str], value: int) -> str:
    return meaning.format(value) if isinstance(meaning, str) else meaning(value)


def lines_of(fields: Iterable[Field]) -> Iterator[str]:
    """The dump: eight bytes a line, the meaning on the first line of each field."""
    yield "offset    bytes                    meaning"
    for field in fields:
        shown = field.data[:SHOWN_BYTES]
        for start in range(0, len(shown), ROW_BYTES):
            row = shown[start : start + ROW_BYTES].hex(" ")
            meaning = field.meaning if start == 0 else ""
            yield f"{field.offset + start:08x}  {row:<23}  {meaning}".rstrip()
        if len(field.data) > SHOWN_BYTES:
            left = len(field.data) - SHOWN_BYTES
            yield f"{field.offset + SHOWN_BYTES:08x}  … {left} bytes more"
