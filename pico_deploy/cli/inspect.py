"""``pico-deploy inspect``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pico_deploy.cli import options
from pico_deploy.cli.console import human_bytes, print_result
from pico_deploy.errors import UsageError

if TYPE_CHECKING:
    from pico_deploy.bundle.manifest import Manifest
    from pico_deploy.runtime.inspection import ModelFileInfo, StreamFileInfo

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


def _model_lines(info: ModelFileInfo) -> Iterator[str]:
    g = info.geometry
    yield f"entropy.bin version {info.version}: {human_bytes(info.size_bytes)}"
    yield f"  entropy fingerprint {info.fingerprint}"
    yield f"  tiles of {g.payload}+2·{g.border} px, {g.levels} levels"
    yield f"  y: {g.y_channels} channels, stride {g.y_stride}, within ±{g.y_max}"
    yield f"  z: {g.z_channels} channels, stride {g.z_stride}, within ±{g.z_max}"
    for number, layer in enumerate(info.layers):
        after = "" if layer.factor == 1 else f", {layer.upsample} ×{layer.factor}"
        wide = ", wide" if layer.wide else ""
        yield (
            f"  layer {number}: {layer.kind} {layer.inputs} -> {layer.outputs}{after}{wide}, "
            f"{layer.macs / 1e6:.2f} MMAC a tile"
        )
    yield (
        f"  tables: {info.y_tables} of y, {info.z_tables} of z, "
        f"{info.anchors} anchors, {info.banks} banks"
    )


def inspect(
    path: Annotated[
        Path, typer.Argument(help="A .pico file, a bundle folder or .zip, or an entropy.bin.")
    ],
    hex: Annotated[
        bool, typer.Option("--hex", help="Dump every field instead: offset, bytes, meaning.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Show what is in a .pico stream, a bundle or an entropy model."""
    from pico_deploy.bundle.read import open_bundle
    from pico_deploy.runtime.fields import lines_of
    from pico_deploy.runtime.files import looks_like_bundle, read_stream
    from pico_deploy.runtime.inspection import inspect_model, inspect_stream, is_entropy_model
    from pico_deploy.runtime.model_fields import model_fields
    from pico_deploy.runtime.naming import naming
    from pico_deploy.runtime.stream_fields import stream_fields

    if looks_like_bundle(path):
        if hex:
            raise UsageError(f"{path} is a bundle; --hex dumps a .pico file or an entropy.bin")
        with open_bundle(path) as bundle:
            print_result(bundle.manifest, _bundle_lines(bundle.manifest), json)
        return
    data = read_stream(path)
    with naming(path):
        if hex:
            fields = model_fields(data) if is_entropy_model(data) else stream_fields(data)
            print_result(fields, lines_of(fields), json)
        elif is_entropy_model(data):
            model = inspect_model(data)
            print_result(model, _model_lines(model), json)
        else:
            info = inspect_stream(data)
            print_result(info, _stream_lines(info), json)
