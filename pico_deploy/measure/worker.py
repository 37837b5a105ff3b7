"""One runtime in a fresh process: ``python -m pico_deploy.measure.worker`` reads a request from its
input and writes messages to its output.

Fresh, so that the first load is cold and the peak of memory is this runtime's own.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TextIO

from pydantic import BaseModel

from pico_deploy.bundle.manifest import Precision
from pico_deploy.conformance.pixels import pixels_sha256
from pico_deploy.errors import PicoError
from pico_deploy.measure import identity, memory
from pico_deploy.measure.passes import Parts, measure
from pico_deploy.measure.protocol import Finished, Identity, Progress, Request
from pico_deploy.measure.result import Failure, Load, Memory, Run, Workload
from pico_deploy.measure.workload import Picture, load_picture
from pico_deploy.runtime.backend import BackendOptions, LoadReport
from pico_deploy.runtime.session import Session

ACCELERATOR = "cpu"
COLD = (
    "first in a fresh process, import of the runtime included; "
    "the bundle's files may be in the page cache"
)
READ_BACK = (
    "read_back is inside analysis and synthesis, which end when their outputs are readable "
    "on the CPU"
)


def main() -> None:
    """Serve one request."""
    # Libraries print what they like: their standard output becomes standard error.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as channel:
        os.dup2(2, 1)
        request = Request.model_validate_json(sys.stdin.read())
        try:
            run = _measure(request, channel)
        except PicoError as error:
            run = _failed(request, error.code, str(error))
        except MemoryError:
            run = _failed(
                request, "out-of-memory", "this machine has too little memory for the run"
            )
        _send(channel, Finished(run=run))


def _send(channel: TextIO, message: BaseModel) -> None:
    channel.write(message.model_dump_json() + "\n")
    channel.flush()


def _failed(request: Request, code: str, message: str) -> Run:
    return Run(
        runtime=request.runtime,
        accelerator_requested=ACCELERATOR,
        precision=request.precision,
        failure=Failure(code=code, message=message),
    )


def _load(request: Request) -> tuple[Parts, int]:
    options = BackendOptions(request.threads, request.weights, request.codec)
    start = time.perf_counter_ns()
    session = Session.open(request.bundle)
    analysis = session.load("analysis", request.runtime, _analysis_precision(request), options)
    synthesis = session.load("synthesis", request.runtime, request.precision, options)
    return Parts(session, analysis, synthesis), time.perf_counter_ns() - start


def _analysis_precision(request: Request) -> Precision | None:
    """``analysis`` has no int8 form: symbols do not survive it."""
    return None if request.precision == "int8" else request.precision


def _measure(request: Request, channel: TextIO) -> Run:
    picture = load_picture(request.photo)
    total = 2 * (request.iterations + 1) + 1 + bool(request.warm_loads)
    done = 0

    def doing(what: str) -> None:
        nonlocal done
        _send(channel, Progress(done=done, total=total, doing=what))
        done += 1

    memory.reset_peak()
    before_load = memory.resident_bytes()
    conditions_before = identity.conditions()
    doing("cold load")
    parts, cold_ns = _load(request)
    after_load = memory.resident_bytes()
    _send(channel, _identity(parts, picture, request.level))
    found = measure(
        parts, picture.pixels, request.level, request.iterations, request.warm_up_iterations, doing
    )
    peaks = [o.peak_memory_bytes for o in (found.encode, found.decode) if o.peak_memory_bytes]
    method = memory.peak_bytes()[1]
    if request.warm_loads:
        doing("warm loads")
    warm_ns = []
    for _ in range(request.warm_loads):
        again, elapsed = _load(request)
        again.session.bundle.close()
        warm_ns.append(elapsed)
    return Run(
        runtime=request.runtime,
        runtime_version=_version(parts.synthesis.report),
        accelerator_requested=ACCELERATOR,
        accelerator_observed=ACCELERATOR,
        precision=_precision(parts),
        threads=request.threads or None,
        load=Load(cold_ns=cold_ns, cold_means=COLD, warm_ns=tuple(warm_ns)),
        encode=found.encode,
        decode=found.decode,
        stream_bytes=found.stream_bytes,
        memory=Memory(
            before_load_bytes=before_load,
            after_load_bytes=after_load,
            peak_bytes=max(peaks),
            method=f"{method}; the photo ({picture.pixels.nbytes} bytes) is inside all figures",
        ),
        conditions_before=conditions_before,
        conditions_after=identity.conditions(),
        hashes=found.hashes,
        warm_up_iterations=request.warm_up_iterations,
        notes=(READ_BACK, *found.notes),
    )


def _identity(parts: Parts, picture: Picture, level: int) -> Identity:
    height, width = picture.pixels.shape[:2]
    return Identity(
        tool=identity.tool(),
        bundle=identity.bundle(parts.session.bundle),
        workload=Workload(
            image=picture.name,
            image_source=picture.source,
            width=width,
            height=height,
            tiles=parts.session.model.grid(width, height).tiles,
            level=level,
            pixels_sha256=pixels_sha256(picture.pixels),
        ),
    )


def _version(report: LoadReport) -> str:
    return f"{report.library} {report.version}"


def _precision(parts: Parts) -> str:
    analysis, synthesis = parts.analysis.report.precision, parts.synthesis.report.precision
    return synthesis if analysis == synthesis else f"analysis {analysis}, synthesis {synthesis}"


if __name__ == "__main__":
    main()
