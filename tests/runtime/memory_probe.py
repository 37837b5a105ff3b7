"""Encode and decode a blank PPM with parts that cost nothing, and print how much the peak of memory
rose above what was resident before: ``memory_probe.py WIDTH HEIGHT FOLDER [hoard]``.

A program of its own, because the peak belongs to a process. ``hoard`` plants the fault that the
test looks for: a source that keeps every row it has read.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from pico_deploy import _core
from pico_deploy.bundle.manifest import PART_ROLES, PartName, Role, Tensor
from pico_deploy.measure import memory
from pico_deploy.runtime.backend import LoadedPart
from pico_deploy.runtime.decode import decode, open_stream
from pico_deploy.runtime.encode import encode
from pico_deploy.runtime.photo import OpenedPhoto, open_photo
from pico_deploy.runtime.picture import picture_file
from pico_deploy.runtime.session import Session

WEIGHTS = Path(__file__).resolve().parents[2] / "pico_deploy/weights/pico-s.safetensors"


class BlankPart:
    """Outputs of the true shapes, freshly allocated as a runtime's are: a few symbols, grey
    pixels."""

    def __init__(self, part: PartName, shapes: Mapping[Role, tuple[int, ...]]) -> None:
        inputs, self.outputs = PART_ROLES[part]
        self.shapes = shapes
        self.inputs = {
            role: Tensor(
                role=role,
                name=role,
                layout="nc" if role == "anchors" else "nchw",
                dtype="float32",
                shape=shapes[role],
            )
            for role in inputs
        }

    def __call__(self, inputs: Mapping[Role, NDArray[Any]]) -> dict[Role, NDArray[Any]]:
        made: dict[Role, NDArray[Any]] = {}
        for role in self.outputs:
            made[role] = np.full(self.shapes[role], 0.5 if role == "x_hat" else 0, np.float32)
        if "y" in made:
            made["y"][:, ::7, ::3, ::5] = 2
            made["y"] *= inputs["y_mask"]
        return made


def shapes_of(model: _core.Model) -> dict[Role, tuple[int, ...]]:
    y, z = (model.y_side, model.y_side), (model.z_side, model.z_side)
    return {
        "x": (1, 3, model.tile, model.tile),
        "x_hat": (1, 3, model.tile, model.tile),
        "anchors": (1, 1),
        "y_mask": (1, 1, *y),
        "z_mask": (1, 1, *z),
        "y": (1, model.y_channels, *y),
        "z": (1, model.z_channels, *z),
    }


class Hoarder:
    def __init__(self, source: OpenedPhoto) -> None:
        self.source, self.kept = source, list[NDArray[np.uint8]]()
        self.width, self.height = source.width, source.height

    def rows(self, first: int, end: int) -> NDArray[np.uint8]:
        self.kept.append(self.source.rows(first, end) + 1)
        return self.kept[-1]


def main(width: int, height: int, folder: Path, hoard: bool) -> None:
    model = _core.Model(load_file(WEIGHTS)["entropy.conv"].tobytes())
    session = cast(
        Session,
        SimpleNamespace(
            model=model,
            pixel_fingerprint=bytes(8),
            manifest=SimpleNamespace(
                anchors=lambda level: np.ones((1, 1), np.float32),
                entropy_fingerprint=model.fingerprint.hex(),
                pixel_fingerprint=bytes(8).hex(),
            ),
        ),
    )
    analysis, synthesis = (
        cast(LoadedPart, BlankPart(part, shapes_of(model))) for part in ("analysis", "synthesis")
    )

    def blank(name: str, columns: int, rows: int) -> Path:
        path = folder / name
        with path.open("wb") as file:
            file.write(b"P6\n%d %d\n255\n" % (columns, rows))
            file.truncate(file.tell() + 3 * columns * rows)
        return path

    def code(path: Path, result: dict[str, int] | None) -> None:
        photo = open_photo(path)
        source = Hoarder(photo) if hoard else photo
        before = memory.resident_bytes() or 0
        memory.reset_peak()
        stream = encode(source, session, analysis, 40)
        encoded = memory.peak_bytes()[0]
        width, height = photo.width, photo.height
        del source, photo  # and their buffer of rows
        memory.reset_peak()
        with picture_file(folder / "out.ppm", width, height) as sink:
            decode(open_stream(stream, session), session, synthesis, sink)
        if result is not None:
            result["encode"] = encoded - before
            # From the start: what the encoder gave back to the allocator may still be resident.
            result["decode"] = memory.peak_bytes()[0] - before

    code(blank("warm.ppm", 600, 300), None)
    result: dict[str, int] = {}
    code(blank("blank.ppm", width, height), result)
    print(json.dumps(result))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:] == ["hoard"])
