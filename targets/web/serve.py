"""``serve``: a link for a phone in the same network, and the results that it sends back."""

from __future__ import annotations

import io
import queue
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import segno

from pico_deploy.measure.protocol import Job
from pico_deploy.measure.result import Failure, Provenance, Result
from pico_deploy.measure.store import save
from pico_deploy.outputs import make_folder
from pico_deploy.runtime.session import Session
from targets.web.app import make_app
from targets.web.built_page import page_folder
from targets.web.certificate import make_certificate
from targets.web.check import check
from targets.web.desk import make_desk
from targets.web.job import PageProgress
from targets.web.pairing import Pairing
from targets.web.server import WebServer, lan_address


@dataclass(frozen=True)
class Link:
    """What opens the page on one device, once. ``qr`` is a QR code in characters."""

    url: str
    qr: str


@dataclass(frozen=True)
class Stored:
    """A result that was checked and written."""

    path: Path
    result: Result


Heard = Link | Stored | PageProgress | Failure


@dataclass(frozen=True)
class Offer:
    """Where to serve. ``host`` is what devices are told to open, None for this machine's address in
    its network; with ``plain`` there is no encryption, and so neither threads nor WebGPU there.
    """

    folder: Path
    host: str | None = None
    port: int = 0
    plain: bool = False
    once: bool = False


def serve(job: Job, offer: Offer, hear: Callable[[Heard], None]) -> None:
    """Serve until interrupted, or with ``once`` until the first result. ``hear`` is called on this
    thread for every link, progress, failure and stored result.

    Raises ``MissingDependencyError`` when the page is not built, ``UsageError`` when nothing can be
    served there, ``OutputError``, ``BundleError``, ``InputError``.
    """
    page = page_folder()
    make_folder(offer.folder)
    host = offer.host or lan_address()
    heard: queue.Queue[Heard | None] = queue.Queue()
    with Session.open(job.bundle) as session, tempfile.TemporaryDirectory() as secret:

        def accept(result: Result, stream: bytes) -> tuple[Result, str]:
            check(result, stream, session)
            # whatever a page says of its machine is a claim
            claimed = result.model_copy(update={"provenance": Provenance.CLAIMED, "target": "web"})
            path = _store(claimed, offer.folder)
            heard.put(Stored(path, claimed))
            return claimed, path.name

        desk = make_desk(job, session, "auto", accept, mode="manual")
        desk.tell = lambda event: None if isinstance(event, Result) else heard.put(event)
        desk.paired = lambda: heard.put(None)
        pairing = Pairing()
        certificate = None if offer.plain else make_certificate(host, Path(secret))
        address = "127.0.0.1" if host in ("127.0.0.1", "localhost") else "0.0.0.0"
        with WebServer(make_app(page, desk, pairing), address, offer.port, certificate) as server:
            hear(_link(server.url(host, pairing.token)))
            while True:
                event = heard.get()
                if event is None:  # a device took the link: the next one gets its own
                    hear(_link(server.url(host, pairing.token)))
                    continue
                hear(event)
                if offer.once and isinstance(event, Stored):
                    return


def _link(url: str) -> Link:
    drawn = io.StringIO()
    segno.make(url, error="l", micro=False).terminal(drawn, compact=True)
    return Link(url, drawn.getvalue())


def _store(result: Result, folder: Path) -> Path:
    """Write under the first number that is free: no result ever replaces another."""
    number = 1
    while (path := folder / f"web-{number:03}.json").exists():
        number += 1
    save(result, path)
    return path
