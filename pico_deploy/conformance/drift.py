"""The drift test: noise of growing size on everything that an accelerator may get wrong, and two
questions. Do the symbols move? (Never: no float reaches them.) How far do the pixels go?

Noise is Gaussian, relative to the root mean square of the tensor it is added to, and different in
``analysis`` and ``synthesis``, as on two devices. Rounding every activation to float16 is noise of
about 2^-12.5, to bfloat16 2^-9.5, to eight bits over the range of a tensor some 2^-7.

Only a codec in PyTorch can be disturbed from within, so this needs torch and the checkpoint.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from pico_deploy.bundle.manifest import Role, Tensor
from pico_deploy.conformance.drift_report import DriftPoint, DriftReport, Site
from pico_deploy.conformance.implementations import Implementation, implementations
from pico_deploy.conformance.pixels import compare_pixels
from pico_deploy.conformance.symbols import SymbolRecorder, TileSymbols, image_sha256
from pico_deploy.errors import MissingDependencyError, StreamError, UsageError
from pico_deploy.runtime.backend import Array, BackendOptions, LoadedPart, LoadReport
from pico_deploy.runtime.decode import decode, open_stream
from pico_deploy.runtime.encode import encode
from pico_deploy.runtime.photo import ArrayPixels
from pico_deploy.runtime.picture import ArraySink
from pico_deploy.runtime.session import Session

if TYPE_CHECKING:
    import torch

Pixels = NDArray[np.uint8]

SITES: tuple[Site, ...] = get_args(Site)
NOISES = tuple(2.0**-exponent for exponent in range(14, 1, -2))


@dataclass(frozen=True)
class Picture:
    """One image to disturb, and the level it is coded at."""

    name: str
    pixels: Pixels
    level: int


class NoisyPart:
    """A part of a PyTorch codec with noise at one site; the same seed gives the same noise."""

    def __init__(self, part: LoadedPart, site: Site, noise: float, seed: int) -> None:
        self._part, self._site, self._noise, self._seed = part, site, noise, seed
        self.inputs: Mapping[Role, Tensor] = part.inputs
        self.report: LoadReport = part.report

    def __call__(self, inputs: Mapping[Role, Array]) -> dict[Role, Array]:
        """Run once, disturbed."""
        module = cast("torch.nn.Module", getattr(self._part, "_module", None))
        with _noise_on(module, self._site, self._noise, self._seed):
            self._seed += 1
            return self._part(inputs)


def drift(
    session: Session,
    pictures: tuple[Picture, ...],
    options: BackendOptions,
    *,
    sites: tuple[Site, ...] = SITES,
    noises: tuple[float, ...] = NOISES,
    coders: list[Implementation] | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> DriftReport:
    """Encode and decode every picture with every noise at every site.

    ``coders`` decode the symbols; by default every kernel set of this machine and the NumPy
    reference. Raises ``MissingDependencyError`` without torch, ``UsageError`` for a codec whose
    insides are not those of PICO.
    """
    try:
        analysis = session.load("analysis", "torch", "fp32", options)
        synthesis = session.load("synthesis", "torch", "fp32", options)
    except ImportError as error:
        raise MissingDependencyError(
            "the drift test disturbs the codec in PyTorch: run `pip install pico-deploy[torch]`"
        ) from error
    coders = implementations(session.bundle.entropy_bin())[0] if coders is None else coders
    points: list[DriftPoint] = []
    total = len(pictures) * len(sites) * len(noises)
    for picture in pictures:
        for site in sites:
            for noise in noises:
                progress(len(points), total, f"{picture.name}: {site} {noise:.2g}")
                points.append(_point(session, analysis, synthesis, picture, site, noise, coders))
    return DriftReport(
        codec=session.manifest.codec,
        entropy_fingerprint=session.manifest.entropy_fingerprint,
        coders=tuple(coder.name for coder in coders),
        points=tuple(points),
    )


def _point(
    session: Session,
    analysis: LoadedPart,
    synthesis: LoadedPart,
    picture: Picture,
    site: Site,
    noise: float,
    coders: list[Implementation],
) -> DriftPoint:
    emitted = SymbolRecorder()
    source = ArrayPixels(picture.pixels)
    encoder = NoisyPart(analysis, site, noise, seed=1)
    stream = encode(source, session, encoder, picture.level, observer=emitted)
    moved = sum(_moved(coder, stream, emitted.tiles) for coder in coders)

    def pixels(part: LoadedPart) -> Pixels:
        sink = ArraySink()
        decode(open_stream(stream, session), session, part, sink)
        return sink.pixels()

    # Streams of a noisy encoder, rendered without noise and with noise of another seed.
    reference = pixels(synthesis)
    difference = compare_pixels(reference, pixels(NoisyPart(synthesis, site, noise, seed=10**6)))
    quality = compare_pixels(picture.pixels, reference)
    return DriftPoint(
        image=picture.name,
        level=picture.level,
        site=site,
        noise=noise,
        symbols_sha256=image_sha256(emitted.tiles),
        moved_symbols=moved,
        bits_per_pixel=8 * len(stream) / (picture.pixels.shape[0] * picture.pixels.shape[1]),
        quality_psnr_db=quality.psnr_db,
        peak=difference.peak,
        rms=difference.rms,
        psnr_db=None if math.isinf(difference.psnr_db) else difference.psnr_db,
    )


def _moved(coder: Implementation, stream: bytes, emitted: Mapping[int, TileSymbols]) -> int:
    """How many symbols a coder does not give back; all of them when it refuses the stream."""
    try:
        found = coder.decode(stream)
    except StreamError:
        return sum(symbols.z.size + symbols.y.size for symbols in emitted.values())
    return sum(
        int(np.count_nonzero(found[tile].z != symbols.z))
        + int(np.count_nonzero(found[tile].y != symbols.y))
        for tile, symbols in emitted.items()
    )


@contextmanager
def _noise_on(module: torch.nn.Module, site: Site, noise: float, seed: int) -> Iterator[None]:
    import torch

    random = torch.Generator().manual_seed(seed)

    def disturbed(x: torch.Tensor) -> torch.Tensor:
        spread = x.square().mean().sqrt() * noise
        return x + spread * torch.randn(x.shape, generator=random)

    def whole(_: Any, __: Any, out: torch.Tensor) -> torch.Tensor:
        return disturbed(out)

    def half(which: int) -> Callable[[Any, Any, torch.Tensor], torch.Tensor]:
        def hook(_: Any, __: Any, out: torch.Tensor) -> torch.Tensor:
            halves = list(out.chunk(2, 1))
            halves[which] = disturbed(halves[which])
            return torch.cat(halves, 1)

        return hook

    hooks = {"mu": half(0), "q": half(1)}
    handles = [m.register_forward_hook(hooks.get(site, whole)) for m in _modules(module, site)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _modules(module: torch.nn.Module, site: Site) -> list[torch.nn.Module]:
    """Modules of a part whose outputs a site disturbs; empty where the part has none of them."""
    named = dict(module.named_modules())
    if not any(name.startswith("context.leave.") for name in named):
        raise UsageError("the drift test knows where µ and q are in PICO, not in this codec")

    def leaves(*prefixes: str) -> list[torch.nn.Module]:
        return [
            m for name, m in named.items() if name.startswith(prefixes) and not list(m.children())
        ]

    if site in ("mu", "q"):
        return leaves("context.leave.")
    if site == "context":
        return leaves("context.prior.", "context.enter.", "context.mix.")
    if site == "transforms":
        return leaves("encoder.", "hyper_encoder.", "decoder.")
    return leaves("encoder.", "hyper_encoder.", "decoder.", "context.")
