"""``evaluate``: a bundle against the codecs of today on a folder of photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from pico_deploy.bundle.manifest import Precision
from pico_deploy.conformance.levels import anchor_levels
from pico_deploy.conformance.pixels import Pixels
from pico_deploy.errors import UsageError
from pico_deploy.evaluation.bundle_coder import BundleCoder
from pico_deploy.evaluation.cache import Cache
from pico_deploy.evaluation.coders import Coder
from pico_deploy.evaluation.corpus import Photo, photos_in
from pico_deploy.evaluation.integer_cost import IntegerCost, integer_cost
from pico_deploy.evaluation.metrics import METRICS
from pico_deploy.evaluation.peers import PEERS
from pico_deploy.evaluation.points import Progress, samples
from pico_deploy.evaluation.result import Evaluation, NotRun, available
from pico_deploy.evaluation.summary import LOW_RATE, difference
from pico_deploy.outputs import make_folder
from pico_deploy.runtime.backend import BackendOptions
from pico_deploy.runtime.photo import open_photo
from pico_deploy.runtime.session import Session

CACHE = "cache.jsonl"
Entry = TypeVar("Entry")


@dataclass(frozen=True)
class Job:
    """What to evaluate. ``levels`` empty: the anchors'. ``peers``, ``metrics``: names of the
    registries, empty for all; PSNR always counts, and the first peer is what the others are
    compared with. ``cache``: the file of earlier results, by default one in ``out``. ``weights``:
    the checkpoint whose float scale decoder the integer entropy model is compared with.
    """

    bundle: Path
    images: Path
    out: Path
    runtime: str = "onnx"
    precision: Precision | None = None
    levels: tuple[int, ...] = ()
    peers: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    cache: Path | None = None
    weights: Path | None = None
    options: BackendOptions = field(default_factory=BackendOptions)


def evaluate(job: Job, progress: Progress = lambda done, total, what: None) -> Evaluation:
    """Code and judge everything that the cache does not know, and compare.

    Raises ``InputError`` for a folder without photos, ``UsageError`` for an unknown level, peer or
    metric, ``OutputError`` when ``job.out`` cannot be made.
    """
    not_run: list[NotRun] = []
    photos = photos_in(job.images)
    make_folder(job.out)  # now, not when hours of coding are done
    peers = list(available(_chosen(job.peers, PEERS, "peer"), not_run).values())
    wanted = _chosen(("psnr", *job.metrics) if job.metrics else (), METRICS, "metric")
    with Session.open(job.bundle) as session:
        payload = session.model.payload
        makers = {name: partial(make, payload) for name, make in wanted.items()}
        metrics = tuple(available(makers, not_run).values())
        ours = BundleCoder(
            session,
            session.load("analysis", job.runtime, job.precision, job.options),
            session.load("synthesis", job.runtime, job.precision, job.options),
            _levels(job, session),
        )
        coders: list[Coder] = [ours, *peers]
        cache = Cache(job.cache or job.out / CACHE)
        found = tuple(samples(photos, coders, metrics, read_rgb, cache, progress))
        differences = tuple(
            difference(found, test.name, anchor.name, metric, cap)
            for metric in metrics
            if metric.scale is not None
            for cap in (None, LOW_RATE)
            for test, anchor in _pairs(ours, peers)
        )
        return Evaluation(
            samples=found,
            metrics=metrics,
            differences=differences,
            identities={coder.name: coder.identity for coder in coders},
            not_run=tuple(not_run),
            integer_cost=_integer_cost(job, ours, photos, cache, progress),
        )


def _chosen(names: tuple[str, ...], registry: dict[str, Entry], what: str) -> dict[str, Entry]:
    """The entries of a registry that were asked for, in its order; all when none was named."""
    unknown = sorted(set(names) - registry.keys())
    if unknown:
        known = ", ".join(registry)
        raise UsageError(f"no {what} is called {', '.join(unknown)}; choose from {known}")
    return {name: entry for name, entry in registry.items() if not names or name in names}


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
    job: Job, ours: BundleCoder, photos: Sequence[Photo], cache: Cache, progress: Progress
) -> IntegerCost | None:
    if job.weights is None:
        return None
    # Imported only here: everything else of an evaluation runs without torch.
    from pico_deploy.evaluation.integer_run import image_bits

    return integer_cost(image_bits(job.weights, ours, photos, read_rgb, cache, progress))
