"""Tables of results on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from pico_deploy.conformance.matrix.result import Matrix
    from pico_deploy.conformance.vector_run import VectorRun
    from pico_deploy.conformance.verification import NotRun, Verification
    from pico_deploy.measure.budgets import Verdict
    from pico_deploy.measure.result import Result


def print_tables(tables: Iterator[Table], heading: str = "") -> None:
    """Print tables on stdout, as wide as they need to be where there is no terminal."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    if heading:
        console.print(heading, markup=False, highlight=False)
    for table in tables:
        console.print(table)


def _table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], text: Sequence[str] = ()
) -> Table:
    """A table whose first column and those named in ``text`` are flush left, numbers flush
    right.
    """
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE)
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 or column in text else "right")
    for row in rows:
        # Cells are data: "pip install pico-deploy[litert]" must not lose what looks like markup.
        table.add_row(*(escape(cell) for cell in row))
    return table


def plain_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table of words, all columns flush left."""
    return _table(title, columns, rows, columns)


def result_tables(result: Result) -> Iterator[Table]:
    """Latency, load and memory of each runtime, then the phases of each."""
    from pico_deploy.measure.figures import (
        OVERVIEW,
        PHASES,
        SPREAD,
        operations,
        overview,
        phase_cells,
        spread_rows,
    )

    yield _table("Latency (whole image)", OVERVIEW, [overview(run) for run in result.runs])
    yield _table("Spread", SPREAD, [row for run in result.runs for row in spread_rows(run)])
    for run in result.runs:
        for name, operation in operations(run):
            yield _table(f"{run.runtime} {name}", PHASES, phase_cells(operation))


def verdict_table(verdicts: Sequence[Verdict]) -> Table:
    """One line a budget."""
    from pico_deploy.measure.figures import VERDICTS, verdict_cells

    return _table("Budgets", VERDICTS, [verdict_cells(v) for v in verdicts])


def matrix_tables(matrix: Matrix) -> Iterator[Table]:
    """Compilers and CPUs, and why cells are not exact."""
    from pico_deploy.conformance.matrix.report import HEADINGS, notes, table

    headings, rows = table(matrix)
    yield _table("Conformance matrix", headings, rows, (*HEADINGS, *headings[len(HEADINGS) :]))
    if reasons := notes(matrix):
        yield _table("Not exact", ("cell and reason",), [[reason] for reason in reasons])


def vector_tables(run: VectorRun) -> Iterator[Table]:
    """Vectors by implementation, their pixels by runtime, and what was not run."""
    from pico_deploy.conformance.summary import VECTOR_PIXELS, VECTORS, vector_pixels, vector_rows

    yield _table(f"Vector set {run.set}", VECTORS, vector_rows(run), VECTORS[-1:])
    if run.pixels:
        title = "Pixels, against the vectors' reference (worst over all vectors)"
        yield _table(title, VECTOR_PIXELS, vector_pixels(run), VECTOR_PIXELS[-1:])
    yield from _not_run(run.not_run)


def verification_tables(found: Verification) -> Iterator[Table]:
    """Exact tier by implementation, tolerance tier by pair, and what was not run."""
    from pico_deploy.conformance.summary import EXACT, PIXELS, exact_rows, pixel_rows

    yield _table("Exact tier", EXACT, exact_rows(found), EXACT[-1:])
    title = f"Pixels, against {found.reference} (worst over all images)"
    yield _table(title, PIXELS, pixel_rows(found), PIXELS[-1:])
    yield from _not_run(found.not_run)


def _not_run(not_run: Sequence[NotRun]) -> Iterator[Table]:
    if not_run:
        rows = [(n.what, n.reason) for n in not_run]
        yield _table("Not run", ("what", "why"), rows, ("why",))
