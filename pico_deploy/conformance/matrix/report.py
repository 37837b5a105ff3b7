"""The matrix as a table: Markdown for the docs, HTML for people, JSON for machines."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from pico_deploy.conformance.matrix.result import CellResult, Matrix
from pico_deploy.outputs import make_folder, write_bytes

JSON_FILE = "matrix.json"
HTML_FILE = "matrix.html"
_COLOURS = {
    "exact": "#d6f0d6",
    "differs": "#f5b5b5",
    "timed out": "#f7d9a8",
    "broken": "#f5b5b5",
    "not run": "#e6e6e6",
}
_STYLE = (
    "body{font:15px/1.4 system-ui,sans-serif;margin:2em;max-width:70em}"
    "table{border-collapse:collapse}td,th{border:1px solid #bbb;padding:.3em .7em;text-align:left}"
    "small{color:#555}"
)


def write_report(matrix: Matrix, folder: Path) -> None:
    """Write ``matrix.json`` and ``matrix.html`` into ``folder``."""
    make_folder(folder)
    write_bytes(folder / JSON_FILE, matrix.model_dump_json(indent=1).encode() + b"\n")
    write_bytes(folder / HTML_FILE, html(matrix).encode())


def settings(matrix: Matrix) -> list[str]:
    """The columns."""
    return list(dict.fromkeys(cell.setting for cell in matrix.cells))


def rows(matrix: Matrix) -> Iterator[tuple[CellResult, list[CellResult | None]]]:
    """For each platform and compiler, one of its cells and the cell of every setting."""
    columns = settings(matrix)
    for key in dict.fromkeys((cell.platform, cell.compiler) for cell in matrix.cells):
        own = [cell for cell in matrix.cells if (cell.platform, cell.compiler) == key]
        by_setting = {cell.setting: cell for cell in own}
        shown = max(own, key=lambda cell: len(cell.kernels))
        yield shown, [by_setting.get(setting) for setting in columns]


def notes(matrix: Matrix) -> list[str]:
    """Why cells are not exact, each reason once."""
    found: dict[str, None] = {}
    for cell in matrix.cells:
        if cell.verdict != "exact":
            found[f"{cell.platform}, {cell.compiler}: {cell.verdict}: {cell.reason}"] = None
    return list(found)


def verdict_line(matrix: Matrix) -> str:
    """One line for people."""
    exact = sum(cell.verdict == "exact" for cell in matrix.cells)
    left = sum(cell.verdict == "not run" for cell in matrix.cells)
    outcome = "passed" if matrix.passed else f"{len(matrix.failed)} FAILED"
    return (
        f"vector set {matrix.set}, {matrix.vectors} vectors, {len(matrix.cells)} cells: {outcome}, "
        f"{exact} exact, {left} not run"
    )


HEADINGS = ("platform", "runs on", "kernel sets", "compiler")


def table(matrix: Matrix) -> tuple[list[str], list[list[str]]]:
    """Headings and cells as text."""
    body = []
    for shown, cells in rows(matrix):
        first = [shown.platform, shown.runs_on, ", ".join(shown.kernels) or "–", shown.compiler]
        body.append(first + [cell.verdict if cell else "–" for cell in cells])
    return [*HEADINGS, *settings(matrix)], body


def markdown(matrix: Matrix) -> str:
    """The table of docs/conformance.md."""
    headings, body = table(matrix)
    lines = [headings, ["---"] * len(headings), *body]
    text = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([*text, "", verdict_line(matrix) + ".", *(f"* {n}" for n in notes(matrix))])


def html(matrix: Matrix) -> str:
    """One page without scripts."""
    headings, body = table(matrix)
    head = "".join(f"<th>{escape(text)}</th>" for text in headings)
    lines = "".join(
        "<tr>" + "".join(_html_cell(text) for text in line) + "</tr>\n" for line in body
    )
    reasons = "".join(f"<li>{escape(note)}</li>\n" for note in notes(matrix))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Conformance matrix</title>'
        f"<style>{_STYLE}</style>\n<h1>Conformance matrix</h1>\n"
        f"<p>{escape(verdict_line(matrix))}</p>\n"
        "<p>Exact: symbols, scale indices and re-encoded bytes of every vector are those expected, "
        "on every kernel set named. Other instruction sets are emulated on this machine; "
        "no phone took part.</p>\n"
        f"<table><tr>{head}</tr>\n{lines}</table>\n<ul>{reasons}</ul>\n"
        f"<p><small>index {escape(matrix.index_sha256)}</small></p></html>\n"
    )


def _html_cell(text: str) -> str:
    colour = _COLOURS.get(text)
    style = f' style="background:{colour}"' if colour else ""
    return f"<td{style}>{escape(text)}</td>"
