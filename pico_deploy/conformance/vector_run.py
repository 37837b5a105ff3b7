"""Run a set of conformance vectors on everything this machine has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from pico_deploy.conformance.participants import Decoder, PartDecoder
from pico_deploy.conformance.pixels import PixelDifference, Pixels, compare_pixels
from pico_deploy.conformance.thresholds import Thresholds, ToleranceClass, excess
from pico_deploy.conformance.variants import load_variants
from pico_deploy.conformance.vector import (
    REFERENCE_FILE,
    Expectation,
    Vector,
    combined_sha256,
    expectation_text,
)
from pico_deploy.conformance.vector_decoders import VectorDecoder, vector_decoders
from pico_deploy.conformance.vector_set import VectorSet
from pico_deploy.conformance.verification import NotRun
from pico_deploy.errors import VerificationError
from pico_deploy.runtime.backend import BackendOptions
from pico_deploy.runtime.session import Session

Progress = Callable[[int, int, str], None]
VerdictWord = Literal["exact", "differs"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class VectorVerdict(_Frozen):
    """One vector on one implementation; the fields up to ``y`` are those that ``pico_conform``
    prints.

    ``z``, ``indices``, ``y``: SHA-256 over the hashes of the tiles that were decoded. ``expected``
    and ``found``: the first line that differs.
    """

    vector: str
    verdict: VerdictWord
    status: str
    tiles: int
    z: str
    indices: str
    y: str
    by: str = Field(description="core/<kernel set> or numpy reference")
    expected: str | None = None
    found: str | None = None


class PixelVerdict(_Frozen):
    """The picture of one vector on one runtime, against ``reference.png``."""

    vector: str
    by: str
    tolerance: ToleranceClass
    passed: bool
    peak: int
    rms: float
    psnr_db: float | None
    difference: str | None = None


class VectorRun(_Frozen):
    """The result of ``verify --vectors``."""

    schema_name: Literal["pico-deploy/vector-run"] = "pico-deploy/vector-run"
    schema_version: Annotated[int, Field(ge=1)] = 1
    set: int
    index_sha256: str
    thresholds_sha256: str
    implementations: tuple[str, ...]
    verdicts: tuple[VectorVerdict, ...]
    pixels: tuple[PixelVerdict, ...]
    not_run: tuple[NotRun, ...]

    @property
    def failures(self) -> list[str]:
        """A line for each vector that did not come out as expected."""
        lines = [
            f"{v.vector} by {v.by}: expected {v.expected!r}, found {v.found!r}"
            for v in self.verdicts
            if v.verdict != "exact"
        ]
        return lines + [
            f"{p.vector} pixels by {p.by}: {p.difference}" for p in self.pixels if not p.passed
        ]

    @property
    def passed(self) -> bool:
        """True when vectors were judged and none failed."""
        return bool(self.verdicts) and not self.failures

    def require(self) -> None:
        """Raise ``VerificationError`` unless the run passed."""
        failures = self.failures
        if failures:
            count = len(self.verdicts) + len(self.pixels)
            raise VerificationError(
                f"{len(failures)} of {count} verdicts differ, first: {failures[0]}"
            )
        if not self.verdicts:
            raise VerificationError("no vector was judged")


def run_vectors(
    folder: Path,
    limits: Thresholds,
    bundle: Path | None = None,
    runtimes: Sequence[str] = (),
    options: BackendOptions | None = None,
    extra: Sequence[VectorDecoder] = (),
    progress: Progress = lambda done, total, what: None,
) -> VectorRun:
    """Judge every vector on every implementation, and, with ``bundle``, the pixels of those
    vectors that were made with its model on every runtime.

    Raises ``VectorSetError`` when the folder is not the set it should be.
    """
    vectors = VectorSet.open(folder)
    decoders, missing = vector_decoders()
    decoders += extra
    not_run = [NotRun(what=what, reason=reason) for what, reason in missing.items()]
    verdicts = []
    for done, name in enumerate(vectors.names):
        progress(done, len(vectors.names), name)
        vector = vectors.vector(name)
        model, stream = vectors.model(vector), vectors.stream(vector)
        for decoder in decoders:
            found = decoder.describe(model, stream, vector.expect.encode)
            verdicts.append(judge(vector, decoder, found))
    pixels: list[PixelVerdict] = []
    if bundle is None:
        reason = "no bundle was named whose synthesis would make them"
        not_run.append(NotRun(what="pixels", reason=reason))
    else:
        with Session.open(bundle) as session:
            found_pixels = _Pixels(session, runtimes, limits, options or BackendOptions())
            pixels = list(found_pixels.verdicts(vectors))
            not_run += found_pixels.not_run
    progress(len(vectors.names), len(vectors.names), "done")
    return VectorRun(
        set=vectors.version,
        index_sha256=vectors.index_sha256,
        thresholds_sha256=limits.sha256,
        implementations=tuple(decoder.name for decoder in decoders),
        verdicts=tuple(verdicts),
        pixels=tuple(pixels),
        not_run=tuple(not_run),
    )


def judge(vector: Vector, decoder: VectorDecoder, found: Expectation) -> VectorVerdict:
    """Compare line by line what was found with what was expected."""
    expected = vector.expect
    if not decoder.states_errors and vector.refused and found.status != "ok":
        found = expected  # refused, as it must be; more it does not say
    different = _first_difference(
        expectation_text(vector.model, expected), expectation_text(vector.model, found)
    )
    return VectorVerdict(
        vector=vector.name,
        verdict="differs" if different else "exact",
        status=found.status,
        tiles=len(found.tiles),
        z=combined_sha256(found.tiles, "z"),
        indices=combined_sha256(found.tiles, "indices"),
        y=combined_sha256(found.tiles, "y"),
        by=decoder.name,
        expected=different[0] if different else None,
        found=different[1] if different else None,
    )


def _first_difference(expected: str, found: str) -> tuple[str, str] | None:
    pairs = zip_longest(expected.splitlines(), found.splitlines(), fillvalue="")
    return next(((a, b) for a, b in pairs if a != b), None)


class _Pixels:
    """The runtimes that decode pixels with one bundle."""

    def __init__(
        self,
        session: Session,
        runtimes: Sequence[str],
        limits: Thresholds,
        options: BackendOptions,
    ) -> None:
        self.session, self.limits = session, limits
        variants, self.not_run = load_variants(session, "synthesis", runtimes, options)
        self.decoders = [PartDecoder(session, variant) for variant in variants]

    def verdicts(self, vectors: VectorSet) -> Iterator[PixelVerdict]:
        entropy_bin = self.session.bundle.entropy_bin()
        for name in vectors.names:
            vector = vectors.vector(name)
            if vector.pixels is None or vectors.model(vector) != entropy_bin:
                continue
            reference = read_picture(vectors.folder / name / REFERENCE_FILE)
            for decoder in self.decoders:
                yield self._verdict(vector, vectors.stream(vector), reference, decoder)

    def _verdict(
        self, vector: Vector, stream: bytes, reference: Pixels, decoder: Decoder
    ) -> PixelVerdict:
        assert vector.pixels is not None
        decoded = decoder.decode(stream)
        rate = vector.pixels.bits_per_pixel
        tolerance = self.limits.tolerance_class(decoder.precision, rate)
        found: PixelDifference = compare_pixels(reference, decoded.pixels)
        difference = excess(found, self.limits.pixels[tolerance])
        if decoded.nan_samples:
            difference = f"{decoded.nan_samples} samples are not a number"
        return PixelVerdict(
            vector=vector.name,
            by=decoder.name,
            tolerance=tolerance,
            passed=difference is None,
            difference=difference,
            peak=found.peak,
            rms=found.rms,
            psnr_db=None if found.peak == 0 else found.psnr_db,
        )


def read_picture(path: Path) -> Pixels:
    """An 8-bit RGB PNG, uint8 [H, W, 3]."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))
