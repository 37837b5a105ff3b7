"""Interleaved rANS: docs/bitstream.md, section 5.2. Vectorised over the lanes, one turn of all
lanes at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pico_deploy.entropy.reference.damage import Damage
from pico_deploy.entropy.reference.tables import SLOTS, CodingTables, unzigzag, zigzag

LOW = 1 << 15
HIGH = 1 << 31


class RansEncoder:
    """Codes segments last one first; words and escapes are collected in the order in which they are
    made."""

    def __init__(self, tables: CodingTables, lanes: int) -> None:
        self._tables = tables
        self._state = np.full(lanes, LOW, np.int64)
        self._words: list[NDArray[np.int64]] = []
        self._escapes: list[NDArray[np.int64]] = []

    def encode(self, rows: NDArray[np.int64], values: NDArray[np.int64]) -> None:
        """Code one segment; `rows` names the table of each value."""
        tables, lanes = self._tables, len(self._state)
        entries = zigzag(values)
        escaped = entries >= tables.escape[rows]
        self._escapes.append(values[escaped][::-1])
        entries = np.where(escaped, tables.escape[rows], entries)
        frequency, start = tables.frequency[rows, entries], tables.start[rows, entries]
        for first in range((len(rows) - 1) // lanes * lanes, -1, -lanes):
            turn = slice(first, min(first + lanes, len(rows)))
            f, c = frequency[turn], start[turn]
            x = self._state[: len(f)]
            full = x >= f << 19
            self._words.append((x[full] & 0xFFFF)[::-1])
            x = np.where(full, x >> 16, x)
            self._state[: len(f)] = (x // f) * SLOTS + x % f + c

    def finish(self) -> tuple[NDArray[np.uint32], bytes, bytes]:
        """(states, words, escapes) in the order in which a decoder reads them."""
        words = np.concatenate([*self._words, np.zeros(0, np.int64)])[::-1]
        escapes = np.concatenate([*self._escapes, np.zeros(0, np.int64)])[::-1]
        return (
            self._state.astype(np.uint32),
            words.astype("<u2").tobytes(),
            escapes.astype(np.int8).tobytes(),
        )


class RansDecoder:
    """Decodes segments in order; raises `Damage` instead of reading beyond its sections."""

    def __init__(
        self, tables: CodingTables, states: NDArray[np.int64], words: bytes, escapes: bytes
    ) -> None:
        if ((states < LOW) | (states >= HIGH)).any():
            raise Damage("an initial state is out of range")
        self._tables = tables
        self._state = states.astype(np.int64)
        self._words = np.frombuffer(words, "<u2").astype(np.int64)
        self._escapes = np.frombuffer(escapes, np.int8).astype(np.int64)
        self._word = 0
        self._escape = 0

    def decode(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Values of one segment."""
        tables, lanes = self._tables, len(self._state)
        entries = np.empty(len(rows), np.int64)
        for first in range(0, len(rows), lanes):
            turn = slice(first, min(first + lanes, len(rows)))
            row = rows[turn]
            x = self._state[: len(row)]
            slot = x % SLOTS
            entry = tables.entry_of_slot[row, slot].astype(np.int64)
            entries[turn] = entry
            x = tables.frequency[row, entry] * (x >> 12) + slot - tables.start[row, entry]
            low = x < LOW
            x[low] = x[low] << 16 | self._take_words(int(low.sum()))
            self._state[: len(row)] = x
        return self._resolve_escapes(rows, entries)

    def _take_words(self, count: int) -> NDArray[np.int64]:
        words = self._words[self._word : self._word + count]
        if len(words) < count:
            raise Damage("the words run out")
        self._word += count
        return words

    def _resolve_escapes(
        self, rows: NDArray[np.int64], entries: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        values = unzigzag(entries)
        escaped = np.flatnonzero(entries == self._tables.escape[rows])
        taken = self._escapes[self._escape : self._escape + len(escaped)]
        if len(taken) < len(escaped):
            raise Damage("the escapes run out")
        if (taken == -128).any() or (zigzag(taken) < self._tables.escape[rows[escaped]]).any():
            raise Damage("an escape that is not one")
        self._escape += len(escaped)
        values[escaped] = taken
        return values

    def check_end(self) -> None:
        """Everything used up, every lane back where the encoder began."""
        if self._word != len(self._words) or self._escape != len(self._escapes):
            raise Damage("words or escapes are left over")
        if (self._state != LOW).any():
            raise Damage("a final state is not L")
