"""``evaluate``: a bundle against the codecs of today on a folder of photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pico_deploy.bundle.manifest import Precision
from pico_deploy.conformance.levels import anchor_levels
from pico_deploy.conformance.pixels import Pixels
from pico_deploy.errors import UsageError
from pico_deploy.evaluation.bundle_coder import BundleCoder
from pico_deploy.evaluation.coders import PEERS, Coder
from pico_deploy.evaluation.corpus import Photo, photos_in
from pico_deploy.evaluation.integer_cost import IntegerCost, integer_cost
from pico_deploy.evaluation.points import Cache, Progress, samples
from pico_deploy.evaluation.report import Evaluation
from pico_deploy.evaluation.summary import difference
from pico_deploy.runtime.backend import BackendOptions
from pico_deploy.runtime.photo import open_photo
from pico_deploy.runtime.session import Session

CACHE = "cache"


@dataclass(frozen=True)
class Job:
    """What to evaluate. ``levels`` empty: the anchors'. ``peers``: names of the registry, empty for
    all; the first is what the others are compared with. ``weights``: the
    checkpoint whose float scale decoder the integer entropy model is compared with.
    """

    bundle: Path
    images: Path
    out: Path
    runtime: str = "onnx"
    precision: Precision | None = None
    levels: tuple[int, ...] = ()
    peers: tuple[str, ...] = ()
    weights: Path | None = None
    options: BackendOptions = field(default_factory=BackendOptions)


def evaluate(job: Job, progress: Progress = lambda done, total, what: None) -> Evaluation:
    """Code everything that the cache in ``out`` does not know, and compare.

    Raises ``InputError`` for a folder without photos, ``UsageError`` for an unknown level or peer.
    """
    unknown = sorted(set(job.peers) - PEERS.keys())
    if unknown:
        raise UsageError(f"no peer is called {', '.join(unknown)}; choose from {', '.join(PEERS)}")
    photos = photos_in(job.images)
    with Session.open(job.bundle) as session:
        ours = BundleCoder(
            session,
            session.load("analysis", job.runtime, job.precision, job.options),
            session.load("synthesis", job.runtime, job.precision, job.options),
            _levels(job, session),
        )
        made = {name: PEERS[name]() for name in job.peers or PEERS}
        peers = [peer for peer in made.values() if peer is not None]
        coders: list[Coder] = [ours, *peers]
        found = tuple(samples(photos, coders, read_rgb, Cache(job.out / CACHE), progress))
        return Evaluation(
            samples=found,
            differences=tuple(
                difference(found, test.name, anchor.name) for test, anchor in _pairs(ours, peers)
            ),
            identities={coder.name: coder.identity for coder in coders},
            unavailable=tuple(name for name, peer in made.items() if peer is None),
            integer_cost=_integer_cost(job, ours, photos, progress),
        )


def read_rgb(path: Path) -> Pixels:
    """A photo as every codec gets it: upright, 8-bit RGB."""
    photo = open_photo(path)
    return photo.rows(0, photo.height)


def _levels(job: Job, session: Session) -> tuple[int, ...]:
    count = session.model.levels
    wrong = [level for level in job.levels if not 0 <= level < count]
    if wrong:
        raise UsageError(f"levels {wrong} do not exist; the bundle has 0…{count - 1}")
    return tuple(sorted(set(job.levels))) or anchor_levels(session.manifest)


def _pairs(ours: Coder, peers: Sequence[Coder]) -> list[tuple[Coder, Coder]]:
    """Ours against each peer, then the later peers against the first."""
    return [(ours, peer) for peer in peers] + [(peer, peers[0]) for peer in peers[1:]]


def _integer_cost(
    job: Job, ours: BundleCoder, photos: Sequence[Photo], progress: Progress
) -> IntegerCost | None:
    if job.weights is None:
        return None
    # Imported only here: everything else of an evaluation runs without torch.
    from pico_deploy.evaluation.integer_run import image_bits

    cache = Cache(job.out / CACHE)
    return integer_cost(image_bits(job.weights, ours, photos, read_rgb, cache, progress))
