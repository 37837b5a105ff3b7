"""Vectors whose symbols the conformance model's ``analysis`` emitted, with reference pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pico_deploy.conformance import images
from pico_deploy.conformance.levels import anchor_levels
from pico_deploy.conformance.make_vectors.recipe import Draft, Pictures
from pico_deploy.conformance.symbols import SymbolRecorder
from pico_deploy.runtime.backend import BackendOptions
from pico_deploy.runtime.decode import decode, open_stream
from pico_deploy.runtime.encode import StreamSettings, encode
from pico_deploy.runtime.photo import ArrayPixels
from pico_deploy.runtime.picture import ArraySink
from pico_deploy.runtime.session import Session

RUNTIME = "onnx"


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture, uint8 [H, W, 3], and where it is from."""

    name: str
    pixels: NDArray[np.uint8]
    source: str
    exercises: tuple[str, ...]


def crop(photos: Path, name: str, left: int, top: int, width: int, height: int) -> Scene:
    """A part of one of the photos the converters are tested with."""
    with Image.open(photos / f"{name}.webp") as photo:
        pixels = np.asarray(photo.convert("RGB"))[top : top + height, left : left + width]
    source = f"converters/tiles/{name}.webp, {width}×{height} at ({left}, {top})"
    return Scene(name, np.ascontiguousarray(pixels), source, ("photo",))


def made(name: str, pixels: NDArray[np.uint8]) -> Scene:
    """A picture made from integers."""
    return Scene(name, pixels, "pico_deploy.conformance.images", (name,))


def photographed(bundle: Path, photos: Path, model: str) -> Iterator[Draft]:
    """Every anchor level, flat, noise, text, photos of several tiles, a level for each tile.

    ``photos``: folder of the converters' tiles. ``model``: name of the bundle's ``entropy.bin`` in
    the vector set.
    """
    with Session.open(bundle) as session:
        maker = Maker(session, model)
        side = session.model.payload
        subjects = ("kitten", "leaves", "wall", "night", "giraffe", "sign")
        for number, level in enumerate(anchor_levels(session.manifest)):
            scene = crop(photos, subjects[number % len(subjects)], 180, 170, side, side)
            yield maker.draft(scene, f"anchor-{level}", level)
        for scene, level in (
            (made("flat", images.flat(64, 96)), 20),
            (made("noise", images.noise(77, 131)), 50),
            (made("text", images.text_like(100, 150)), 40),
            (made("one-pixel", images.flat(1, 1)), 0),
            (made("photo-like", images.photo_like(90, 250)), 60),
        ):
            yield maker.draft(scene, scene.name, level)
        large = crop(photos, "kitten", 120, 100, 2 * side + 31, 2 * side + 17)
        yield maker.draft(large, "tiles", 45)
        levels = np.array([0, 10, 20, 30, 40, 50, 60, 70, 35], np.uint8)
        spatial = crop(photos, "sign", 90, 60, 2 * side + 5, 2 * side + 6)
        settings = StreamSettings(tiles_per_stream=4, lanes=16)
        yield maker.draft(spatial, "tile-levels", levels, settings)


class Maker:
    """Encodes scenes with one bundle, in fp32 on one thread of ONNX Runtime."""

    def __init__(self, session: Session, model: str) -> None:
        options = BackendOptions(threads=1)
        self.session, self.model = session, model
        self.analysis = session.load("analysis", RUNTIME, "fp32", options)
        self.synthesis = session.load("synthesis", RUNTIME, "fp32", options)

    def draft(
        self,
        scene: Scene,
        name: str,
        levels: int | NDArray[np.uint8],
        settings: StreamSettings | None = None,
    ) -> Draft:
        """One scene at a level, or at a level for each tile."""
        emitted, sink = SymbolRecorder(), ArraySink()
        source = ArrayPixels(scene.pixels)
        stream = encode(source, self.session, self.analysis, levels, settings, emitted)
        decode(open_stream(stream, self.session), self.session, self.synthesis, sink)
        report = self.synthesis.report
        tiles = [emitted.tiles[number] for number in sorted(emitted.tiles)]
        return Draft(
            name=f"photo-{name}" if "photo" in scene.exercises else f"scene-{name}",
            description=f"{scene.name} at level {levels}"
            if isinstance(levels, int)
            else f"{scene.name}, a level for each tile",
            exercises=(*scene.exercises, "analysis", "pixels"),
            model=self.model,
            stream=stream,
            encode="auto",
            z=np.stack([tile.z for tile in tiles]),
            y=np.stack([tile.y for tile in tiles]),
            symbols="analysis",
            provenance=f"{scene.source}; analysis on {report.library} {report.version}, host CPU",
            pictures=Pictures(scene.pixels, sink.pixels(), f"{report.library} {report.version}"),
        )
