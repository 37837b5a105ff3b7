"""The APK as a zip: the same bytes every time, and libraries where Android maps them from."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

LIBRARY_ALIGNMENT = 16384
_DATE = (1980, 1, 1, 0, 0, 0)
_ALIGNMENT_FIELD = 0xD935
"""The extra field by which apksigner learns an alignment, and keeps it."""


def write_zip(path: Path, files: dict[str, bytes], stored: frozenset[str] = frozenset()) -> None:
    """Write files in this order; those in ``stored`` are not compressed, and lie at multiples of
    16 KiB if they are libraries, of 4 bytes otherwise.
    """
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, _DATE)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            if name in stored:
                entry.compress_type = zipfile.ZIP_STORED
                assert archive.fp is not None
                entry.extra = _padding(archive.fp.tell() + 30 + len(name.encode()), _multiple(name))
            archive.writestr(entry, data)


def _multiple(name: str) -> int:
    return LIBRARY_ALIGNMENT if name.endswith(".so") else 4


def _padding(end_of_name: int, multiple: int) -> bytes:
    """An extra field after which the next byte lies at a multiple of ``multiple``."""
    fill = -(end_of_name + 6) % multiple
    return struct.pack("<HHH", _ALIGNMENT_FIELD, 2 + fill, multiple) + bytes(fill)


def misaligned(path: Path) -> list[str]:
    """Names of stored files that do not lie where they should."""
    found = []
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        for entry in archive.infolist():
            if entry.compress_type != zipfile.ZIP_STORED:
                continue
            file.seek(entry.header_offset)
            name_size, extra_size = struct.unpack("<26xHH", file.read(30))
            start = entry.header_offset + 30 + name_size + extra_size
            if start % _multiple(entry.filename):
                found.append(entry.filename)
    return found
