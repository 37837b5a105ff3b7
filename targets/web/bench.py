"""The target ``web``: the page in headless Chromium on this machine."""

from __future__ import annotations

import queue
from collections.abc import Callable

from pico_deploy.conformance.pixels import pixels_sha256
from pico_deploy.errors import UsageError, VerificationError
from pico_deploy.measure import identity
from pico_deploy.measure.result import Failure, Provenance, Result
from pico_deploy.runtime.session import Session
from targets.registry import Request
from targets.web.app import make_app
from targets.web.built_page import page_folder
from targets.web.check import check
from targets.web.chromium import SOFTWARE_GPU, Chromium, find_chromium
from targets.web.desk import make_desk
from targets.web.job import Event, PageProgress, Provider
from targets.web.pairing import Pairing
from targets.web.server import WebServer
from targets.web.waiting import next_event

_PROVIDERS: dict[str, Provider] = {
    "": "auto",
    "wasm": "wasm",
    "webgpu": "webgpu",
    "swiftshader": "webgpu",
}
_SOFTWARE = "swiftshader"


def bench(address: str, request: Request) -> Result:
    """Measure the bundle in a browser of this machine. The stream that the page made is decoded
    here, and must give the symbols that the page reports.

    ``web`` takes WebGPU on a real adapter, else WebAssembly; ``web:wasm`` and ``web:webgpu``
    insist; ``web:swiftshader`` is WebGPU on a software adapter, and its result ``simulated``.
    Raises ``MissingDependencyError``, ``VerificationError`` for a failure that the page reports,
    ``DisconnectedError`` when the browser ends, ``TargetTimeoutError`` when the page is silent.
    """
    argument = _argument(address)
    page = page_folder()
    find_chromium()
    events: queue.Queue[Event] = queue.Queue()
    with Session.open(request.job.bundle) as session:
        desk = make_desk(
            request.job,
            session,
            _PROVIDERS[argument],
            _acceptance(session, address),
            mode="bench",
        )
        desk.tell = events.put
        pairing = Pairing()
        flags = SOFTWARE_GPU if argument == _SOFTWARE else ()
        with (
            WebServer(make_app(page, desk, pairing), "127.0.0.1") as server,
            Chromium(server.url("127.0.0.1", pairing.token), flags) as browser,
        ):
            result = _wait(events, browser, request.progress)
        assert desk.picture is not None
        if result.workload.pixels_sha256 != pixels_sha256(desk.picture.pixels):
            raise VerificationError("the page coded other pixels than it was sent")
        return result


def plan(address: str, request: Request) -> list[str]:
    """What ``bench`` would start and send."""
    argument = _argument(address)
    job = request.job
    return [
        f"start a server on 127.0.0.1 with {job.bundle} and {job.photo or 'the synthetic image'}",
        f"open its page in headless Chromium, {_PROVIDERS[argument]} runtime",
        f"run there: level {job.level}, {job.iterations} iterations after "
        f"{job.warm_up_iterations} warm-up; then decode the page's stream here",
    ]


def _argument(address: str) -> str:
    argument = address.partition(":")[2]
    if argument not in _PROVIDERS:
        raise UsageError(
            f"target web has no runtime {argument!r}; choose web, "
            + " or ".join(f"web:{name}" for name in _PROVIDERS if name)
        )
    return argument


def _acceptance(session: Session, address: str) -> Callable[[Result, bytes], tuple[Result, str]]:
    """The command started the browser itself, so it knows the machine and need not believe it."""
    provenance = Provenance.SIMULATED if address.endswith(_SOFTWARE) else Provenance.HOST

    before = identity.conditions()

    def accept(result: Result, stream: bytes) -> tuple[Result, str]:
        check(result, stream, session)
        state = {"conditions_before": before, "conditions_after": identity.conditions()}
        known = {
            "runs": tuple(run.model_copy(update=state) for run in result.runs),
            "provenance": provenance,
            "device": identity.host(),
            "target": address,
            "notes": (*result.notes, "headless, started by this command on this machine"),
        }
        return result.model_copy(update=known), "the result of this command"

    return accept


def _wait(
    events: queue.Queue[Event], browser: Chromium, progress: Callable[[int, int, str], None]
) -> Result:
    while True:
        event = next_event(events, browser, "try fewer pixels with --photo")
        if isinstance(event, Failure):
            raise VerificationError(f"the page failed ({event.code}): {event.message}")
        if isinstance(event, PageProgress):
            progress(event.done, event.total, event.what)
            continue
        return event
