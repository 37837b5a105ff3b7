"""From a job on this machine to what a page is given, and from its result to one that is kept."""

from __future__ import annotations

from collections.abc import Callable

from pico_deploy.bundle.manifest import MANIFEST_NAME, to_json
from pico_deploy.errors import UsageError
from pico_deploy.measure.protocol import Job
from pico_deploy.measure.result import Result
from pico_deploy.measure.workload import Picture, load_picture
from pico_deploy.runtime.session import Session
from targets.web.job import Desk, Mode, PageJob, PictureInfo, Provider


def make_desk(
    job: Job,
    session: Session,
    provider: Provider,
    accept: Callable[[Result, bytes], tuple[Result, str]],
    *,
    mode: Mode,
) -> Desk:
    """Everything a page needs for a job. Raises ``UsageError`` for a level or precision that it
    cannot have, ``InputError`` for a photo that cannot be read.
    """
    levels = session.model.levels
    if not 0 <= job.level < levels:
        raise UsageError(f"level {job.level} does not exist; the bundle has 0…{levels - 1}")
    if job.precision not in (None, "fp32"):
        raise UsageError(f"a page runs fp32 artefacts, not {job.precision}; leave out --precision")
    session.bundle.artefact("onnx", "analysis", "fp32")  # so that a bundle without is one error
    picture = load_picture(job.photo)
    return Desk(
        job=_page_job(job, session, provider, picture, mode),
        read_bundle=bundle_reader(session),
        picture=picture,
        accept=accept,
    )


def _page_job(
    job: Job, session: Session, provider: Provider, picture: Picture, mode: Mode
) -> PageJob:
    height, width = picture.pixels.shape[:2]
    return PageJob(
        bundle=session.bundle.path.name,
        mode=mode,
        level=job.level,
        iterations=job.iterations,
        warm_up_iterations=job.warm_up_iterations,
        provider=provider,
        threads=job.threads,
        picture=PictureInfo(name=picture.name, source=picture.source, width=width, height=height),
    )


def bundle_reader(session: Session) -> Callable[[str], bytes | None]:
    """Files by the names that the manifest lists, and by no other."""
    bundle = session.bundle
    manifest = to_json(bundle.manifest)

    def read(path: str) -> bytes | None:
        if path == MANIFEST_NAME:
            return manifest
        return bundle.read(path) if path in bundle.manifest.files else None

    return read
