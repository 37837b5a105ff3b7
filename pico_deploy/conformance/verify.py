"""``verify``: encode on every runtime, decode on every runtime, and compare.

Exact tier: for each stream, the symbols that ``analysis`` emitted, kept outside the stream, must
come back from the core with every kernel set of this CPU, from the NumPy reference, and on the way
to every runtime's synthesis. Tolerance tier: the pixels of every encoder × decoder pair are
compared with the reference decode of that stream.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from pico_deploy.bundle import open_bundle
from pico_deploy.bundle.manifest import to_json
from pico_deploy.conformance.images import TestImage, built_in
from pico_deploy.conformance.implementations import Implementation, implementations
from pico_deploy.conformance.levels import anchor_levels
from pico_deploy.conformance.participants import (
    CodecFactory,
    DecodedPicture,
    Decoder,
    Encoder,
    Participants,
    Symbols,
    gather,
)
from pico_deploy.conformance.pixels import PixelDifference, compare_pixels
from pico_deploy.conformance.side_by_side import more_runtimes, whole_codecs
from pico_deploy.conformance.symbols import first_difference, image_sha256
from pico_deploy.conformance.thresholds import Thresholds, excess, thresholds
from pico_deploy.conformance.verification import (
    Agreement,
    Check,
    Kind,
    NotRun,
    Stream,
    Verification,
    pixel_figures,
)
from pico_deploy.errors import PicoError, UsageError, VerificationError
from pico_deploy.runtime import registry
from pico_deploy.runtime.backend import BackendOptions
from pico_deploy.runtime.photo import open_photo
from pico_deploy.runtime.session import Session

REFERENCE_RUNTIME = "torch"

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Case:
    """A picture and the level it is coded at."""

    image: TestImage
    level: int


@dataclass(frozen=True)
class _Coded:
    """One stream and the symbols that went into it."""

    case: Case
    encoder: str
    data: bytes
    emitted: Symbols

    @property
    def bits_per_pixel(self) -> float:
        height, width = self.case.image.pixels.shape[:2]
        return 8 * len(self.data) / int(height * width)

    def check(self, kind: Kind, by: str, difference: str | None) -> Check:
        return Check(
            image=self.case.image.name,
            level=self.case.level,
            encoder=self.encoder,
            kind=kind,
            by=by,
            passed=difference is None,
            difference=difference,
        )


def cases(images: Sequence[TestImage], levels: Sequence[int]) -> list[Case]:
    """Each image at one of the levels, in turn, so that few images cover all levels that are
    asked for.
    """
    count = max(len(images), len(levels)) if images and levels else 0
    return [Case(images[i % len(images)], levels[i % len(levels)]) for i in range(count)]


@dataclass(frozen=True)
class Job:
    """What ``verify`` is asked for; what is empty is chosen: built-in images, all runtimes, the
    anchors' levels.
    """

    bundle: Path
    photos: tuple[Path, ...] = ()
    runtimes: tuple[str, ...] = ()
    levels: tuple[int, ...] = ()
    options: BackendOptions = field(default_factory=BackendOptions)
    side_by_side: bool = False


def verify_bundle(job: Job, progress: Progress = lambda done, total, what: None) -> Verification:
    """``verify`` with this release's limits; raises ``UsageError`` for a level that does not
    exist.
    """
    with open_bundle(job.bundle) as bundle:
        manifest = bundle.manifest
    count = manifest.geometry.levels
    wrong = [level for level in job.levels if not 0 <= level < count]
    if wrong:
        raise UsageError(f"levels {wrong} do not exist; the bundle has 0…{count - 1}")
    images = [_photo(path) for path in job.photos] or built_in()
    to_check = cases(images, job.levels or anchor_levels(manifest))
    more = more_runtimes(manifest) if job.side_by_side else nullcontext(registry.names())
    codecs = whole_codecs(manifest) if job.side_by_side else {}
    with more as known:
        return verify(
            job.bundle,
            to_check,
            job.runtimes or [*known, *codecs],
            thresholds(),
            job.options,
            progress=progress,
            pairwise=job.side_by_side,
            codecs=codecs,
        )


def _photo(path: Path) -> TestImage:
    photo = open_photo(path)
    return TestImage(path.name, photo.rows(0, photo.height))


def verify(
    bundle: Path,
    to_check: Sequence[Case],
    runtimes: Sequence[str],
    limits: Thresholds,
    options: BackendOptions | None = None,
    extra: Callable[[bytes], Sequence[Implementation]] = lambda entropy_bin: (),
    progress: Progress = lambda done, total, what: None,
    pairwise: bool = False,
    codecs: Mapping[str, CodecFactory] | None = None,
) -> Verification:
    """Verify a bundle on this machine; differences are in the result, which ``require`` turns into
    an error.

    ``extra``: further implementations, made from the bytes of ``entropy.bin``. ``pairwise``:
    compare the pixels of all decoders with each other too. ``codecs``: whole codecs by the names
    under which ``runtimes`` may ask for them.
    Raises ``BundleError`` when the bundle is not whole, or an artefact in it does not load.
    """
    with Session.open(bundle) as session, ExitStack() as stack:
        found = gather(session, runtimes, options or BackendOptions(), codecs or {}, stack)
        verifier = _Verifier(session, found, limits, extra)
        verifier.pairwise = pairwise
        return verifier.run(to_check, progress)


class _Verifier:
    def __init__(
        self,
        session: Session,
        participants: Participants,
        limits: Thresholds,
        extra: Callable[[bytes], Sequence[Implementation]],
    ) -> None:
        entropy_bin = session.bundle.entropy_bin()
        self.session, self.limits = session, limits
        self.encoders, self.decoders = participants.encoders, participants.decoders
        found, no_kernels = implementations(entropy_bin)
        self.implementations = [*found, *extra(entropy_bin)]
        self.not_run: list[NotRun] = [*participants.not_run, *no_kernels]
        if len(self.decoders) < 2:
            reason = "needs two decoders, found " + (
                ", ".join(v.name for v in self.decoders) or "none"
            )
            self.not_run.append(NotRun(what="comparison of pixels", reason=reason))
        self.pairwise = False
        self.agreement: dict[tuple[str, str], Agreement] = {}
        self.streams: list[Stream] = []
        self.checks: list[Check] = []

    @property
    def reference(self) -> Decoder | None:
        """PyTorch where it runs, otherwise the first decoder in fp32, otherwise the first."""
        order = sorted(
            self.decoders, key=lambda v: (v.runtime != REFERENCE_RUNTIME, v.precision != "fp32")
        )
        return order[0] if order else None

    def run(self, to_check: Sequence[Case], progress: Progress) -> Verification:
        total = len(to_check) * len(self.encoders)
        pairs = [(case, encoder) for case in to_check for encoder in self.encoders]
        for done, (case, encoder) in enumerate(pairs):
            progress(done, total, f"{case.image.name} encoded by {encoder.name}")
            coded = self._encode(case, encoder)
            self.checks += self._exact_tier(coded)
            self.checks += self._tolerance_tier(coded)
        progress(total, total, "done")
        manifest = self.session.manifest
        return Verification(
            codec=manifest.codec,
            manifest_sha256=hashlib.sha256(to_json(manifest)).hexdigest(),
            entropy_fingerprint=manifest.entropy_fingerprint,
            thresholds_sha256=self.limits.sha256,
            reference=self.reference.name if self.reference else "",
            encoders=tuple(v.name for v in self.encoders),
            decoders=tuple(v.name for v in self.decoders),
            implementations=tuple(i.name for i in self.implementations),
            streams=tuple(self.streams),
            checks=tuple(self.checks),
            not_run=tuple(self.not_run),
            agreement=tuple(self.agreement.values()),
        )

    def _encode(self, case: Case, encoder: Encoder) -> _Coded:
        data, emitted = encoder.encode(case.image.pixels, case.level)
        height, width = case.image.pixels.shape[:2]
        self.streams.append(
            Stream(
                image=case.image.name,
                level=case.level,
                encoder=encoder.name,
                width=width,
                height=height,
                stream_bytes=len(data),
                stream_sha256=hashlib.sha256(data).hexdigest(),
                emitted_symbols_sha256=image_sha256(emitted),
            )
        )
        return _Coded(case, encoder.name, data, emitted)

    def _exact_tier(self, coded: _Coded) -> Iterator[Check]:
        for implementation in self.implementations:
            try:
                difference = first_difference(coded.emitted, implementation.decode(coded.data))
            except PicoError as error:
                # one wrong index derails all symbols after it, and the stream's own checks notice
                difference = f"does not decode: {error}"
            yield coded.check("symbols", implementation.name, difference)
            if implementation.recode is not None:
                same = implementation.recode(coded.data, coded.emitted) == coded.data
                difference = None if same else "codes the same symbols to other bytes"
                yield coded.check("stream", implementation.name, difference)

    def _tolerance_tier(self, coded: _Coded) -> Iterator[Check]:
        if self.reference is None:
            return
        expected = self._decode(coded, self.reference)
        pictures = {self.reference.name: expected.pixels}
        yield self._symbols(coded, self.reference, expected)
        for decoder in self.decoders:
            if decoder is self.reference:
                continue
            found = self._decode(coded, decoder)
            yield self._symbols(coded, decoder, found)
            pixels = compare_pixels(expected.pixels, found.pixels)
            tolerance = self.limits.tolerance_class(decoder.precision, coded.bits_per_pixel)
            difference = excess(pixels, self.limits.pixels[tolerance])
            check = coded.check("pixels", decoder.name, difference)
            yield check.model_copy(update={"tolerance": tolerance, **pixel_figures(pixels)})
            if self.pairwise:
                pictures[decoder.name] = found.pixels
        for (one, a), (other, b) in combinations(pictures.items(), 2):
            self._agree(one, other, compare_pixels(a, b))

    def _symbols(self, coded: _Coded, decoder: Decoder, found: DecodedPicture) -> Check:
        return coded.check("symbols", decoder.name, first_difference(coded.emitted, found.symbols))

    def _agree(self, one: str, other: str, pixels: PixelDifference) -> None:
        """Keep the worst of all streams."""
        known = self.agreement.get((one, other))
        if known is None or _distance(pixels.psnr_db) < _distance(known.psnr_db):
            psnr = None if pixels.peak == 0 else pixels.psnr_db
            self.agreement[one, other] = Agreement(
                one=one, other=other, peak=pixels.peak, psnr_db=psnr
            )

    def _decode(self, coded: _Coded, decoder: Decoder) -> DecodedPicture:
        decoded = decoder.decode(coded.data)
        if decoded.nan_samples:
            raise VerificationError(
                f"{decoder.name} gives {decoded.nan_samples} samples that are not a number for "
                f"{coded.case.image.name} at level {coded.case.level}"
            )
        return decoded


def _distance(psnr_db: float | None) -> float:
    return math.inf if psnr_db is None else psnr_db
