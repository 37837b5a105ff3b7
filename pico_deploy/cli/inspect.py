"""``pico-deploy inspect``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pico_deploy.cli import options
from pico_deploy.cli.console import human_bytes, print_result

if TYPE_CHECKING:
    from pico_deploy.bundle.manifest import Manifest
    from pico_deploy.runtime.inspection import StreamFileInfo

HEX_BYTES = 64
STREAMS_SHOWN = 8


def _stream_lines(info: StreamFileInfo) -> Iterator[str]:
    levels = ", ".join(f"{level} ({count} tiles)" for level, count in info.levels.items())
    yield f".pico version {info.version}: {info.width}×{info.height}, {info.bits_per_pixel:.3f} bpp"
    yield f"  tiles: {info.columns}×{info.rows} of {info.payload}+2·{info.border} px"
    yield f"  levels: {levels}"
    yield f"  entropy fingerprint {info.entropy_fingerprint}"
    yield f"  pixel fingerprint {info.pixel_fingerprint}"
    yield (
        f"  {human_bytes(info.size_bytes)}: header {info.header_bytes}, chunks {info.chunk_bytes}, "
        f"streams {info.stream_bytes}"
    )
    for chunk in info.chunks:
        state = "" if chunk.intact else ", damaged"
        yield f"  chunk {chunk.type} {chunk.meaning}: {human_bytes(chunk.size_bytes)}{state}"
    yield (
        f"  {len(info.streams)} streams of up to {info.tiles_per_stream} tiles, "
        f"{info.lanes} rANS lanes"
    )
    for number, stream in enumerate(info.streams[:STREAMS_SHOWN]):
        last = stream.first_tile + stream.tiles - 1
        state = "" if stream.complete else ", cut off"
        size = human_bytes(stream.size_bytes)
        yield f"    stream {number}: tiles {stream.first_tile}-{last}, {size}{state}"
    if len(info.streams) > STREAMS_SHOWN:
        yield f"    and {len(info.streams) - STREAMS_SHOWN} more (--json lists all)"


def _bundle_lines(manifest: Manifest) -> Iterator[str]:
    g = manifest.geometry
    yield f"bundle of {manifest.codec} {manifest.model_version}, schema {manifest.schema_version}"
    yield f"  tiles of {g.payload}+2·{g.border} px, {g.levels} levels"
    yield f"  channels: y {g.y_channels}, z {g.z_channels}"
    yield f"  entropy fingerprint {manifest.entropy_fingerprint}"
    yield f"  pixel fingerprint {manifest.pixel_fingerprint}"
    for artefact in manifest.artefacts:
        yield f"  {artefact.key}: {artefact.path}"
    for path, entry in manifest.files.items():
        yield f"  {entry.sha256[:16]}  {human_bytes(entry.size):>12}  {path}"
    for package, version in manifest.provenance.packages.items():
        yield f"  made with {package} {version}"


def inspect(
    path: Annotated[Path, typer.Argument(help="A .pico file, or a bundle folder or .zip.")],
    hex: Annotated[bool, typer.Option("--hex", help="Dump the start of every region.")] = False,
    json: options.Json = False,
) -> None:
    """Show what is in a .pico stream or a bundle."""
    from pico_deploy.bundle.read import open_bundle
    from pico_deploy.runtime.files import looks_like_bundle, read_stream
    from pico_deploy.runtime.inspection import hex_dump, inspect_stream
    from pico_deploy.runtime.naming import naming

    if looks_like_bundle(path):
        with open_bundle(path) as bundle:
            print_result(bundle.manifest, _bundle_lines(bundle.manifest), json)
        return
    data = read_stream(path)
    with naming(path):
        info = inspect_stream(data)
    print_result(info, _stream_lines(info), json)
    if hex and not json:
        print_result(None, hex_dump(data, info, HEX_BYTES), False)
