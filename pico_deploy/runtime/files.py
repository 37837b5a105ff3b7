"""The two things a user does: a photo file becomes a ``.pico`` file, a ``.pico`` file becomes a
picture file.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pico_deploy import _core
from pico_deploy.errors import InputError, StreamError, UsageError
from pico_deploy.outputs import new_file
from pico_deploy.runtime.backend import LoadedPart, LoadReport
from pico_deploy.runtime.decode import decode, open_stream
from pico_deploy.runtime.encode import StreamSettings, encode
from pico_deploy.runtime.naming import naming
from pico_deploy.runtime.observer import Observer
from pico_deploy.runtime.photo import OpenedPhoto, open_photo
from pico_deploy.runtime.picture import WITHOUT_METADATA, check_suffix, picture_file
from pico_deploy.runtime.search import search_level
from pico_deploy.runtime.session import Session

ICC_CHUNK = "iccp"
EXIF_CHUNK = "exif"
DEFAULT_LEVEL = 40


@dataclass(frozen=True)
class Quality:
    """What the user asked for: a level, or a size to search the level for. Exactly one is set."""

    level: int | None = None
    target_bytes: int | None = None
    target_bits_per_pixel: float | None = None

    def __post_init__(self) -> None:
        given = [self.level, self.target_bytes, self.target_bits_per_pixel]
        if sum(value is not None for value in given) != 1:
            raise UsageError("give one of a level, a target size and a target bpp")
        if any(value is not None and value <= 0 for value in given[1:]):
            raise UsageError("a target must be greater than 0")

    @classmethod
    def chosen(
        cls, level: int | None, target_bytes: int | None, target_bits_per_pixel: float | None
    ) -> Self:
        """What the user gave, or the default level when it is nothing."""
        if level is None and target_bytes is None and target_bits_per_pixel is None:
            level = DEFAULT_LEVEL
        return cls(level, target_bytes, target_bits_per_pixel)

    def limit_bytes(self, pixels: int) -> int | None:
        """Most bytes a file may have, None for a fixed level."""
        if self.target_bits_per_pixel is not None:
            return int(self.target_bits_per_pixel * pixels / 8)
        return self.target_bytes


@dataclass(frozen=True)
class EncodedFile:
    """Result of :func:`encode_file`. ``target_bytes`` is None without a target."""

    width: int
    height: int
    tiles: int
    level: int
    size_bytes: int
    bits_per_pixel: float
    target_bytes: int | None
    target_met: bool
    levels_tried: tuple[int, ...]
    runtime: LoadReport
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class DecodedFile:
    """Result of :func:`decode_file`. ``lost_tiles`` are grey; only ``conceal`` lets there be
    any.
    """

    width: int
    height: int
    tiles: int
    lost_tiles: tuple[int, ...]
    runtime: LoadReport
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def _metadata(
    photo: OpenedPhoto, keep_exif: bool
) -> tuple[tuple[tuple[str, bytes], ...], list[str]]:
    chunks, warnings = [], []
    exif = photo.exif if keep_exif else None
    for kind, data in ((ICC_CHUNK, photo.icc), (EXIF_CHUNK, exif)):
        if data and len(data) > _core.LIMITS["chunk"]:
            warnings.append(
                f"{kind} of {len(data)} bytes is over the limit of a chunk and is dropped"
            )
        elif data:
            chunks.append((kind, data))
    return tuple(chunks), warnings


def encode_file(
    photo_path: Path,
    stream_path: Path,
    session: Session,
    analysis: LoadedPart,
    quality: Quality,
    *,
    keep_exif: bool = False,
    raw_size: tuple[int, int] | None = None,
    observer: Observer | None = None,
) -> EncodedFile:
    """Encode a photo file; ``raw_size`` (width, height) says that it is bare RGB samples.

    Raises ``InputError``, ``UsageError`` or ``OutputError``; then nothing is written.
    """
    watch = observer or Observer()
    photo = open_photo(photo_path, raw_size)
    chunks, warnings = _metadata(photo, keep_exif)
    settings = StreamSettings(chunks=chunks)
    limit = quality.limit_bytes(photo.width * photo.height)
    tried: dict[int, int] = {}
    best: dict[int, bytes] = {}

    def attempt(level: int) -> int:
        data = encode(photo, session, analysis, level, settings, watch)
        tried[level] = len(data)
        # Keep only the stream that may be the answer: a search must not hold seven of them.
        if not best or len(data) <= (limit or 0) or level == 0:
            best.clear()
            best[level] = data
        return len(data)

    with new_file(stream_path) as temporary:
        if limit is None:
            assert quality.level is not None
            level = quality.level
            attempt(level)
        else:
            level = search_level(attempt, limit, session.model.levels)
        data = best[level]
        temporary.write_bytes(data)
    met = limit is None or len(data) <= limit
    if not met:
        warnings.append(
            f"the target of {limit} bytes is out of reach: level 0, the lowest, takes {len(data)}"
        )
    return EncodedFile(
        width=photo.width,
        height=photo.height,
        tiles=session.model.grid(photo.width, photo.height).tiles,
        level=level,
        size_bytes=len(data),
        bits_per_pixel=8 * len(data) / (photo.width * photo.height),
        target_bytes=limit,
        target_met=met,
        levels_tried=tuple(tried),
        runtime=analysis.report,
        notes=photo.notes,
        warnings=(*photo.warnings, *warnings),
    )


def looks_like_bundle(path: Path) -> bool:
    """Whether a path is a folder or a zip; a ``.pico`` file is neither."""
    return path.is_dir() or zipfile.is_zipfile(path)


def read_stream(path: Path) -> bytes:
    """Bytes of a ``.pico`` file; raises ``InputError``, or ``StreamError`` for an empty one."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot read ({error.strerror}); check the path") from error
    if not data:
        raise StreamError(f"{path}: is empty (0 bytes); copy the stream again")
    return data


def _kept_metadata(image: _core.Image) -> tuple[dict[str, bytes], list[str]]:
    kept: dict[str, bytes] = {}
    warnings = []
    for chunk in image.chunks:
        if chunk.type in (ICC_CHUNK, EXIF_CHUNK):
            if chunk.intact:
                kept.setdefault(chunk.type, chunk.data)
            else:
                warnings.append(f"metadata chunk {chunk.type} is damaged and dropped")
    return kept, warnings


def decode_file(
    stream_path: Path,
    picture_path: Path,
    session: Session,
    synthesis: LoadedPart,
    *,
    conceal: bool = False,
    any_pixel_model: bool = False,
    observer: Observer | None = None,
) -> DecodedFile:
    """Decode a ``.pico`` file into a picture file.

    Raises ``InputError``, ``StreamError``, ``ModelMismatchError``, ``UsageError`` or
    ``OutputError``; then nothing is written.
    """
    suffix = check_suffix(picture_path)
    data = read_stream(stream_path)
    with naming(stream_path):
        decoder = open_stream(data, session, any_pixel_model=any_pixel_model)
        image = decoder.image
        metadata, warnings = _kept_metadata(image)
        if suffix in WITHOUT_METADATA:
            warnings += [f"{kind} dropped: {suffix} cannot hold it" for kind in metadata]
            metadata = {}
        with picture_file(
            picture_path,
            image.width,
            image.height,
            icc=metadata.get(ICC_CHUNK),
            exif=metadata.get(EXIF_CHUNK),
        ) as sink:
            result = decode(decoder, session, synthesis, sink, conceal=conceal, observer=observer)
    if result.nan_samples:
        warnings.append(
            f"{result.nan_samples} samples were not a number and became 0: "
            f"{synthesis.report.library} overflowed; try a higher precision"
        )
    warnings += [str(error) for error in result.damage]
    return DecodedFile(
        width=image.width,
        height=image.height,
        tiles=image.tiles,
        lost_tiles=result.lost_tiles,
        runtime=synthesis.report,
        notes=tuple(f"{kind} kept" for kind in metadata),
        warnings=tuple(warnings),
    )
