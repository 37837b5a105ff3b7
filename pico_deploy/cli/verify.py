"""``pico-deploy verify``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pico_deploy.cli import options
from pico_deploy.cli.console import print_result
from pico_deploy.cli.steps import StepProgress
from pico_deploy.errors import UsageError, VerificationError
from pico_deploy.outputs import make_folder, require_writable, write_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from pico_deploy.conformance.matrix.result import Matrix
    from pico_deploy.conformance.vector_run import VectorRun
    from pico_deploy.conformance.verification import Verification
    from pico_deploy.runtime.backend import BackendOptions


def verify(
    bundle: Annotated[
        Path | None, typer.Argument(help="Bundle: the folder or .zip.", show_default=False)
    ] = None,
    photos: Annotated[
        list[Path] | None,
        typer.Argument(help="Photos to code instead of the built-in images.", show_default=False),
    ] = None,
    vectors: Annotated[
        Path | None,
        typer.Option(
            help="Judge by the conformance vectors of this folder; pixels only with BUNDLE.",
            show_default=False,
        ),
    ] = None,
    matrix: Annotated[
        bool,
        typer.Option(
            "--matrix",
            help="Run the vectors on every compiler and CPU there is here, emulated ones included.",
        ),
    ] = False,
    cell: Annotated[
        list[str] | None,
        typer.Option(
            help='Only these cells of the matrix, such as "s390x" or "arm64 gcc -O2".',
            show_default=False,
        ),
    ] = None,
    cell_timeout: Annotated[
        float, typer.Option(min=0.001, help="Seconds for a cell's pass over the vectors.")
    ] = 900.0,
    runtime: Annotated[
        list[str] | None,
        typer.Option(help="Only these runtimes; may be repeated.", show_default=False),
    ] = None,
    level: Annotated[
        list[int] | None,
        typer.Option(
            min=0, help="Levels, taken in turn; default: the anchors.", show_default=False
        ),
    ] = None,
    threads: options.Threads = 0,
    weights: options.Weights = None,
    codec: options.CodecClass = None,
    side_by_side: Annotated[
        Path | None,
        typer.Option(
            help="Every runtime and mode at hand, all pairs; JSON, table and heat map go here.",
            show_default=False,
        ),
    ] = None,
    drift: Annotated[
        Path | None,
        typer.Option(
            help="Disturb the codec in PyTorch instead; drift.json, .md and .png go here.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the JSON here too; with --matrix a folder."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Check that streams of a bundle mean the same everywhere this machine can look.

    Encodes on every runtime and decodes on every runtime. Exact tier: the symbols that analysis
    emitted come back from every kernel set of the core and from the NumPy reference. Tolerance
    tier: pixels of every pair lie within the limits of their class. With --vectors the streams are
    those of a vector set. With --matrix they are decoded by the core alone, by every compiler and
    instruction set there is here, emulated ones included. With --drift noise of growing size is put
    on whatever an accelerator may get wrong; no symbol may move. Exit 11 when anything differs.
    """
    if matrix:
        return _matrix(vectors, tuple(cell or ()), cell_timeout, output, json)
    if cell:
        raise UsageError("--cell chooses cells of the matrix: add --matrix")
    require_writable(output)
    from pico_deploy.conformance.summary import run_line, verdict_line
    from pico_deploy.runtime.backend import BackendOptions

    chosen = tuple(runtime or ())
    backend = BackendOptions(threads, weights, codec)
    if vectors is not None:
        if photos or level:
            raise UsageError("--vectors brings its own streams: leave out photos and --level")
        from pico_deploy.conformance.thresholds import thresholds
        from pico_deploy.conformance.vector_run import run_vectors
        from pico_deploy.runtime import registry

        with StepProgress("verify", quiet=json) as progress:
            run = run_vectors(
                *(vectors, thresholds(), bundle, chosen or registry.names(), backend),
                progress=progress.step,
            )
        return _finish(run, run_line(run), output, json)

    from pico_deploy.conformance.verify import Job, verify_bundle

    if bundle is None:
        raise UsageError("name a bundle, or a vector set with --vectors")
    if drift is not None:
        if photos or level or runtime:
            raise UsageError("--drift brings its own images: leave out photos, --level, --runtime")
        return _drift(bundle, backend, drift, json)
    wide = side_by_side is not None
    if side_by_side is not None:
        make_folder(side_by_side)
    job = Job(bundle, tuple(photos or ()), chosen, tuple(level or ()), backend, wide)
    with StepProgress("verify", quiet=json) as progress:
        found = verify_bundle(job, progress.step)
    if side_by_side is not None:
        from pico_deploy.conformance.heat_map import write_side_by_side

        write_side_by_side(found, side_by_side)
    return _finish(found, verdict_line(found), output, json)


def _drift(bundle: Path, backend: BackendOptions, folder: Path, json: bool) -> None:
    from pico_deploy.conformance.drift_run import measure_drift

    with StepProgress("drift", quiet=json) as progress:
        report = measure_drift(bundle, backend, folder, progress.step)
    line = (
        f"{report.moved_symbols} symbols moved in {len(report.points)} disturbed round trips; "
        f"figures in {folder}"
    )
    print_result(report, (line,), json)
    report.require()


def _matrix(
    vectors: Path | None, cells: tuple[str, ...], timeout_s: float, output: Path | None, json: bool
) -> None:
    from pico_deploy.conformance.matrix.execute import checkout_job, run_matrix
    from pico_deploy.conformance.matrix.report import verdict_line, write_report

    if output is not None:
        make_folder(output)
    with StepProgress("matrix", quiet=json) as progress:
        found = run_matrix(checkout_job(vectors, cells, timeout_s), progress=progress.step)
    if output is not None:
        write_report(found, output)
    _show(found, verdict_line(found), json)


def _tables(found: Verification | VectorRun | Matrix) -> Iterator[Table]:
    from pico_deploy.cli import tables
    from pico_deploy.conformance.vector_run import VectorRun
    from pico_deploy.conformance.verification import Verification

    if isinstance(found, Verification):
        return tables.verification_tables(found)
    if isinstance(found, VectorRun):
        return tables.vector_tables(found)
    return tables.matrix_tables(found)


def _finish(found: Verification | VectorRun, line: str, output: Path | None, json: bool) -> None:
    if output is not None:
        write_bytes(output, found.model_dump_json(indent=1).encode() + b"\n")
    _show(found, line, json)


def _show(found: Verification | VectorRun | Matrix, line: str, json: bool) -> None:
    if not json:
        from pico_deploy.cli.tables import print_tables

        print_tables(_tables(found))
    print_result(found, (line,), json)
    if not found.passed:
        if json:
            raise typer.Exit(VerificationError.exit_code)
        found.require()
