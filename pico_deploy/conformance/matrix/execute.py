"""Run the cells of the matrix, a few at a time, each with a limit on its time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from pico_deploy.conformance.matrix.build import CellBuildError, build, compiler_version
from pico_deploy.conformance.matrix.platforms import Cell, cells, missing
from pico_deploy.conformance.matrix.result import CellResult, Matrix, Verdict
from pico_deploy.conformance.vector_set import VectorSet
from pico_deploy.errors import MissingDependencyError, UsageError, last_line

Progress = Callable[[int, int, str], None]
EXIT_DIFFERS = 11


@dataclass(frozen=True)
class MatrixJob:
    """``cells`` are names (``"s390x gcc -O2"``) or beginnings of names; none means all.

    ``core``: sources of the core. ``cache``: where programs are kept. ``timeout_s`` is for one
    pass over the vectors.
    """

    vectors: Path
    core: Path
    cache: Path
    cells: tuple[str, ...] = ()
    timeout_s: float = 900.0
    jobs: int = 2


def checkout_job(
    vectors: Path | None = None, names: Sequence[str] = (), timeout_s: float = 900.0
) -> MatrixJob:
    """A job with the sources and vectors of the checkout that this package lies in, and its
    ``build`` folder as cache. Raises ``MissingDependencyError`` where there is none.
    """
    root = Path(__file__).resolve().parents[3]
    if not (root / "core" / "src").is_dir():
        raise MissingDependencyError(
            "the matrix builds the core from its sources, which are not installed; run it in a "
            "checkout"
        )
    return MatrixJob(
        vectors=vectors or root / "conformance" / "vectors",
        core=root / "core",
        cache=root / "build" / "conformance",
        cells=tuple(names),
        timeout_s=timeout_s,
    )


@dataclass(frozen=True)
class _Judged:
    """One pass of a program over the set, with one kernel set."""

    verdict: Verdict
    kernels: str
    vectors: int
    reason: str | None = None


def run_matrix(
    job: MatrixJob,
    available: Sequence[Cell] | None = None,
    progress: Progress = lambda done, total, what: None,
) -> Matrix:
    """Every cell that was asked for; what cannot run here is in the result with its reason.

    Raises ``VectorSetError`` when the vectors are not whole, ``UsageError`` for a cell that does
    not exist.
    """
    vectors = VectorSet.open(job.vectors)
    wanted = _chosen(cells() if available is None else available, job.cells)
    results: dict[int, CellResult] = {}
    with ThreadPoolExecutor(job.jobs) as pool:
        futures = {
            pool.submit(_run_cell, job, cell, len(vectors.names)): i
            for i, cell in enumerate(wanted)
        }
        for done, future in enumerate(as_completed(futures)):
            number = futures[future]
            results[number] = future.result()
            progress(done + 1, len(wanted), wanted[number].name)
    return Matrix(
        set=vectors.version,
        index_sha256=vectors.index_sha256,
        vectors=len(vectors.names),
        cells=tuple(results[i] for i in range(len(wanted))),
    )


def _chosen(available: Sequence[Cell], names: Sequence[str]) -> list[Cell]:
    if not names:
        return list(available)
    unknown = [n for n in names if not any(cell.name.startswith(n) for cell in available)]
    if unknown:
        known = ", ".join(dict.fromkeys(cell.platform.name for cell in available))
        raise UsageError(f"no cell of the matrix is called {unknown[0]!r}; platforms: {known}")
    return [cell for cell in available if any(cell.name.startswith(name) for name in names)]


def _run_cell(job: MatrixJob, cell: Cell, expected: int) -> CellResult:
    why_not = missing(cell)
    if why_not is not None:
        return _result(cell, "not run", reason=why_not)
    version = compiler_version(cell)
    try:
        program = build(job.core, cell, job.cache)
    except CellBuildError as error:
        return _result(cell, "broken", reason=str(error), compiler_version=version)
    passes = [
        _judge(job, cell, program, kernels, expected) for kernels in cell.platform.kernels or ("",)
    ]
    worst = next((p for p in passes if p.verdict != "exact"), passes[0])
    return _result(
        cell,
        worst.verdict,
        reason=worst.reason,
        compiler_version=version,
        kernels=tuple(p.kernels for p in passes),
        vectors=min(p.vectors for p in passes),
    )


def _result(
    cell: Cell,
    verdict: Verdict,
    reason: str | None = None,
    compiler_version: str = "",
    kernels: tuple[str, ...] = (),
    vectors: int = 0,
) -> CellResult:
    return CellResult(
        platform=cell.platform.name,
        compiler=cell.compiler,
        setting=cell.setting,
        provenance="emulated" if cell.platform.emulated else "host",
        runs_on=cell.platform.runs_on,
        verdict=verdict,
        reason=reason,
        compiler_version=compiler_version,
        kernels=kernels,
        vectors=vectors,
    )


def _judge(job: MatrixJob, cell: Cell, program: Path, kernels: str, expected: int) -> _Judged:
    command = [*(cell.platform.runner or ()), str(program), str(job.vectors)]
    environment = os.environ | {"PICO_CPU": kernels}
    # A session of its own, so that what the emulator started ends with it.
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=job.timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return _Judged("timed out", kernels, 0, f"did not end within {job.timeout_s:g} s")
    return read_verdicts(out, err, process.returncode, kernels, expected)


def read_verdicts(out: str, err: str, code: int, kernels: str, expected: int) -> _Judged:
    """What a runner's lines amount to; whatever is not the output of a runner is ``broken``."""
    said = last_line(err, "nothing on stderr")
    try:
        first, *lines = [json.loads(line) for line in out.splitlines()]
        used = str(first["kernels"])
        exact = sum(line["verdict"] == "exact" for line in lines)
        different = [line for line in lines if line["verdict"] != "exact"]
    except (ValueError, KeyError, TypeError):
        return _Judged("broken", kernels, 0, f"exit code {code}: {said}")
    if kernels and used != kernels:
        return _Judged("broken", used, exact, f"ran {used}, although {kernels} was asked for")
    if different and code == EXIT_DIFFERS:
        line = different[0]
        found = line.get("found", line["verdict"])
        reason = f"{len(different)} of {len(lines)} vectors, first {line['vector']}: {found}"
        return _Judged("differs", used, exact, reason)
    if code != 0 or different or exact != expected:
        return _Judged(
            "broken", used, exact, f"{exact} of {expected} verdicts, exit code {code}: {said}"
        )
    return _Judged("exact", used, exact)
