"""``bench --target host``: each runtime of this machine in a process of its own, one result."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import IO

from pydantic import ValidationError

from pico_deploy.bundle import open_bundle
from pico_deploy.errors import UsageError, VerificationError
from pico_deploy.measure import identity
from pico_deploy.measure.protocol import MESSAGES, Finished, Identity, Job, Progress, Request
from pico_deploy.measure.result import Failure, Provenance, Result, Run
from pico_deploy.runtime.photo import open_photo

Report = Callable[[int, int, str], None]
"""Called with (done, total, what runs now)."""


def bench_host(
    job: Job, runtimes: Sequence[str], report: Report = lambda done, total, what: None
) -> Result:
    """Measure the job on each runtime; one that cannot run is in the result with its reason.

    Raises ``BundleError``, ``InputError``, ``UsageError`` for a level that the bundle has not, and
    ``VerificationError`` when no runtime gave a figure, or decoded symbols differ from the emitted
    ones.
    """
    with open_bundle(job.bundle) as bundle:
        levels = bundle.manifest.geometry.levels
    if not 0 <= job.level < levels:
        raise UsageError(f"level {job.level} does not exist; the bundle has 0…{levels - 1}")
    if job.photo is not None:
        open_photo(job.photo)  # so that a photo nobody can read is one error, not one a runtime
    runs: list[Run] = []
    known: Identity | None = None
    for position, runtime in enumerate(runtimes):

        def forward(p: Progress, position: int = position, runtime: str = runtime) -> None:
            done = position * p.total + p.done
            report(done, len(runtimes) * p.total, f"{runtime} {p.doing}")

        run, found = _run(Request(**job.model_dump(), runtime=runtime), forward)
        known = known or found
        runs.append(run)
        if run.failure is not None and run.failure.code == VerificationError.code:
            raise VerificationError(f"{runtime}: {run.failure.message}")
    if known is None:
        reasons = "; ".join(
            f"{run.runtime}: {run.failure.message}" for run in runs if run.failure is not None
        )
        raise VerificationError(f"nothing could be measured: {reasons or 'no runtime was named'}")
    return Result(
        provenance=Provenance.HOST,
        tool=known.tool,
        device=identity.host(),
        bundle=known.bundle,
        workload=known.workload,
        runs=tuple(runs),
        notes=tuple(_notes(runs, known)),
    )


def _notes(runs: Sequence[Run], known: Identity) -> Iterator[str]:
    megapixels = known.workload.width * known.workload.height / 1e6
    if not 11.5 <= megapixels <= 12.5:
        yield f"the image has {megapixels:.1f} MP: latencies are not those of a 12 MP photo"
    for run in runs:
        if run.failure is not None:
            yield f"{run.runtime} was not measured: {run.failure.message}"


def _run(request: Request, report: Callable[[Progress], None]) -> tuple[Run, Identity | None]:
    found: Identity | None = None
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(
            [sys.executable, "-m", "pico_deploy.measure.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(request.model_dump_json().encode())
                process.stdin.close()
                for line in process.stdout:
                    message = MESSAGES.validate_json(line)
                    if isinstance(message, Progress):
                        report(message)
                    elif isinstance(message, Identity):
                        found = message
                    elif isinstance(message, Finished):
                        return message.run, found
            except (ValidationError, BrokenPipeError):
                process.kill()
            except BaseException:  # an interrupted bench leaves no worker behind
                process.kill()
                raise
        return _crashed(request, process.returncode, errors), None


def _crashed(request: Request, status: int, errors: IO[bytes]) -> Run:
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    how = f"signal {-status}" if status < 0 else f"exit status {status}"
    last = f": {lines[-1]}" if lines else ""
    return Run(
        runtime=request.runtime,
        accelerator_requested="cpu",
        precision=request.precision,
        failure=Failure(code="crashed", message=f"the process ended with {how}{last}"),
    )
