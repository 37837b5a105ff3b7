"""From drafts to a folder of vectors: every draft is checked before a byte of it is written."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from pico_deploy import _core
from pico_deploy.conformance.make_vectors.recipe import Draft
from pico_deploy.conformance.pixels import compare_pixels
from pico_deploy.conformance.vector import (
    EXPECT_FILE,
    REFERENCE_FILE,
    SOURCE_FILE,
    STREAM_FILE,
    VECTOR_FILE,
    Expectation,
    PixelExpectation,
    Vector,
    expectation_text,
    vector_json,
)
from pico_deploy.conformance.vector_decoders import core_decoder
from pico_deploy.conformance.vector_set import INDEX_FILE, MODELS, index_bytes
from pico_deploy.core_errors import CoreError
from pico_deploy.errors import UsageError, VerificationError


def require_next_version(folder: Path, version: int) -> None:
    """A set is only ever replaced on purpose: by the next version. Raises ``UsageError``."""
    index = folder / INDEX_FILE
    old = 0
    if index.exists():
        lines = index.read_text(encoding="utf-8").splitlines()
        old = int(lines[1].removeprefix("set "))
    if version != old + 1:
        raise UsageError(
            f"{folder} holds vector set {old}; making it anew gives set {old + 1}, not {version}: "
            f"say --set {old + 1}, and tell in docs/conformance.md what changed"
        )


def write_set(
    folder: Path, version: int, models: Mapping[str, bytes], drafts: Iterable[Draft]
) -> tuple[str, ...]:
    """Write the set and return the vectors' names; raises ``VerificationError`` for a draft that
    is not what it says.
    """
    require_next_version(folder, version)
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    (partial / MODELS).mkdir(parents=True)
    for name, data in models.items():
        (partial / MODELS / f"{name}.bin").write_bytes(data)
    names = []
    for draft in drafts:
        if draft.name in names:
            raise VerificationError(f"two vectors are called {draft.name}")
        _write(partial, draft, models[draft.model])
        names.append(draft.name)
    (partial / INDEX_FILE).write_bytes(index_bytes(partial, version, tuple(names)))
    shutil.rmtree(folder, ignore_errors=True)
    partial.replace(folder)
    return tuple(names)


def _write(root: Path, draft: Draft, entropy_bin: bytes) -> None:
    folder = root / draft.name
    folder.mkdir()
    expect = core_decoder("scalar").describe(entropy_bin, draft.stream, draft.encode)
    _check(draft, expect, entropy_bin)
    vector = Vector(
        name=draft.name,
        description=draft.description,
        exercises=draft.exercises,
        symbols="analysis" if draft.symbols == "analysis" else "synthetic",
        provenance=draft.provenance,
        model=draft.model,
        stream_sha256=hashlib.sha256(draft.stream).hexdigest(),
        stream_bytes=len(draft.stream),
        exit_code=_exit_code(entropy_bin, draft.stream),
        expect=expect,
        pixels=_pixels(folder, draft),
    )
    (folder / STREAM_FILE).write_bytes(draft.stream)
    (folder / VECTOR_FILE).write_bytes(vector_json(vector))
    (folder / EXPECT_FILE).write_text(expectation_text(vector.model, expect), encoding="ascii")


def _check(draft: Draft, expect: Expectation, entropy_bin: bytes) -> None:
    """The core must agree with what the draft was meant to be, and with what went into it."""
    if expect.status != draft.status:
        raise VerificationError(
            f"{draft.name}: meant to give {draft.status}, the core says {expect.status}"
        )
    if expect.encode != draft.encode:
        raise VerificationError(f"{draft.name}: the core codes the symbols to other bytes")
    if draft.z is None or draft.y is None:
        return
    decoder = _core.Decoder(_core.Model(entropy_bin, "scalar"), draft.stream)
    for group in range(decoder.groups):
        z, y = decoder.decode_group(group, "int8")
        own = list(decoder.tiles_of(group))
        if not (np.array_equal(z, draft.z[own]) and np.array_equal(y, draft.y[own])):
            raise VerificationError(f"{draft.name}: other symbols come back than went in")


def _exit_code(entropy_bin: bytes, stream: bytes) -> int:
    try:
        decoder = _core.Decoder(_core.Model(entropy_bin, "scalar"), stream)
        for group in range(decoder.groups):
            decoder.decode_group(group, "int8")
    except CoreError as error:
        return error.exit_code
    return 0


def _pixels(folder: Path, draft: Draft) -> PixelExpectation | None:
    pictures = draft.pictures
    if pictures is None:
        return None
    for name, pixels in ((SOURCE_FILE, pictures.source), (REFERENCE_FILE, pictures.reference)):
        Image.fromarray(pixels).save(folder / name, optimize=True)
    height, width = pictures.source.shape[:2]
    psnr = compare_pixels(pictures.source, pictures.reference).psnr_db
    return PixelExpectation(
        tolerance="fp32",
        made_with=pictures.made_with,
        bits_per_pixel=round(8 * len(draft.stream) / (height * width), 4),
        psnr_db=round(min(psnr, 99.0), 2),
    )
