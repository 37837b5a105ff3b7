"""The matrix: what counts as exact, and that nothing else ever does."""

from __future__ import annotations

import dataclasses
import importlib.util
import shutil
from pathlib import Path

import pytest

from pico_deploy.conformance.matrix.build import build
from pico_deploy.conformance.matrix.execute import (
    MatrixJob,
    checkout_job,
    read_verdicts,
    run_matrix,
)
from pico_deploy.conformance.matrix.needs import Need
from pico_deploy.conformance.matrix.platforms import CI_CELLS, Cell, cells, missing
from pico_deploy.conformance.matrix.report import html, markdown, write_report
from pico_deploy.conformance.matrix.result import CellResult, Matrix
from pico_deploy.conformance.matrix.tools import examine_matrix
from pico_deploy.conformance.vector_set import VectorSet, VectorSetError
from pico_deploy.errors import UsageError, VerificationError

ROOT = Path(__file__).resolve().parents[2]
NAMED = {cell.name: cell for cell in cells()}
HEADER = '{"set": 1, "kernels": "scalar"}\n'
EXACT = '{"vector": "a", "verdict": "exact"}\n'
DIFFERS = '{"vector": "b", "verdict": "differs", "found": "tile 0"}\n'


def job(vectors: Path, cache: Path, **options: object) -> MatrixJob:
    return dataclasses.replace(checkout_job(vectors), cache=cache, **options)


def stand_in(cell: str, **changes: object) -> Cell:
    """A cell of the matrix with another platform field or command."""
    command = changes.pop("command", NAMED[cell].command)
    platform = dataclasses.replace(NAMED[cell].platform, **changes)
    return dataclasses.replace(NAMED[cell], platform=platform, command=command)


def host() -> Cell:
    cell = NAMED["x86-64-v1 gcc -O2"]
    reason = missing(cell)
    if reason:
        pytest.skip(reason)
    return cell


@pytest.mark.parametrize("name", CI_CELLS)
def test_every_vector_is_exact_on(name: str) -> None:
    """The slice of the matrix that continuous integration runs; programs are kept in build/."""
    reason = missing(NAMED[name])
    if reason:
        pytest.skip(reason)
    found = run_matrix(dataclasses.replace(checkout_job(), cells=(name,)))
    found.require()
    assert [(cell.verdict, cell.vectors) for cell in found.cells] == [("exact", found.vectors)]


def test_matrix_has_the_compilers_settings_and_machines_that_were_promised() -> None:
    qemu = ("arm64", "armhf", "riscv64", "s390x", "ppc64el", "i386")
    for machine in ("x86-64-v1", "x86-64-v3", "x86-64-v4", *qemu):
        for compiler in ("gcc", "clang"):
            for setting in ("-O0", "-O2", "-O3 -ffast-math"):
                assert f"{machine} {compiler} {setting}" in NAMED
    rest = {"wasm-wasmtime-simd", "wasm-node-simd", "apple-arm64", "windows-x86-64"}
    assert rest < {cell.platform.name for cell in NAMED.values()}


def test_emulator_that_is_not_installed_is_named_and_never_passes(
    few: Path, tmp_path: Path
) -> None:
    need = Need("qemu-abacus-static", "apt-get install qemu-user-static")
    absent = stand_in("x86-64-v1 gcc -O2", runner=("qemu-abacus-static",), needs=(need,))
    found = run_matrix(job(few, tmp_path), [absent])
    assert found.cells[0].verdict == "not run"
    assert "qemu-abacus-static is not installed; apt-get" in (found.cells[0].reason or "")
    assert not found.passed
    with pytest.raises(VerificationError, match="no cell was run"):
        found.require()


def test_compiler_that_is_not_installed_is_named(few: Path, tmp_path: Path) -> None:
    absent = stand_in("s390x gcc -O2", command=None)
    found = run_matrix(job(few, tmp_path), [absent])
    assert found.cells[0].verdict == "not run"
    assert "gcc-s390x-linux-gnu" in (found.cells[0].reason or "")


def test_doctor_names_every_tool_and_library_a_cell_needs_with_what_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = {cell.need for cell in NAMED.values()}
    wanted |= {n for c in NAMED.values() for n in (*c.platform.needs, *c.platform.builds_with)}
    here = {check.name: check for check in examine_matrix()}
    assert set(here) == {need.name for need in wanted}
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    absent = {check.name: check for check in examine_matrix()}
    for need in wanted:
        if need.kind != "folder":
            assert (absent[need.name].status, absent[need.name].remedy) == ("no", need.install)
    assert here["gcc for s390x-linux-gnu"].unlocks == "building the core for s390x"
    assert "libc6-dev-s390x-cross" in absent["gcc for s390x-linux-gnu"].remedy
    assert "windows-x86-64" in here["wine"].unlocks


def test_library_that_no_program_can_be_linked_without_is_named() -> None:
    libc = Need("abacus-libc", "apt-get install abacus-libc", "folder", ("/absent",))
    absent = stand_in("x86-64-v1 gcc -O2", runner=("true",), builds_with=(libc,))
    assert missing(absent) == "abacus-libc is not installed; apt-get install abacus-libc"
    there = dataclasses.replace(libc, names=("/absent", "/"))
    assert missing(stand_in("x86-64-v1 gcc -O2", runner=("true",), builds_with=(there,))) is None


def test_cell_that_does_not_end_in_time_is_said_to_have_timed_out(few: Path) -> None:
    waits = dataclasses.replace(host().platform, runner=("sh", "-c", "sleep 60", "sh"))
    slow = dataclasses.replace(host(), platform=waits)
    found = run_matrix(dataclasses.replace(checkout_job(few), timeout_s=0.2), [slow])
    assert (found.cells[0].verdict, found.passed) == ("timed out", False)
    with pytest.raises(VerificationError, match=r"timed out.*0\.2 s"):
        found.require()


def test_compiler_that_fails_is_broken_and_not_left_out(few: Path, tmp_path: Path) -> None:
    failing = stand_in("x86-64-v1 gcc -O2", command=("false",))
    if missing(failing):
        pytest.skip(missing(failing) or "")
    found = run_matrix(job(few, tmp_path), [failing])
    assert (found.cells[0].verdict, found.passed) == ("broken", False)


def test_program_is_built_once_and_again_when_a_source_changes(tmp_path: Path) -> None:
    core, cache = tmp_path / "core", tmp_path / "cache"
    for name in ("tools/conform.c", "tools/conform.h", "src/grid.c"):
        (core / name).parent.mkdir(parents=True, exist_ok=True)
        (core / name).write_text("extern int nothing;\n")
    (core / "tools" / "pico_conform.c").write_text("int main(void) { return 0; }\n")
    programs = [build(core, host(), cache) for _ in range(2)]
    assert programs[0] == programs[1]
    (core / "src" / "grid.c").write_text("extern int changed;\n")
    assert build(core, host(), cache) not in programs
    assert len(list(cache.iterdir())) == 2


def test_unknown_cell_and_altered_vectors_are_refused(few: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="abacus"):
        run_matrix(job(few, tmp_path, cells=("abacus",)))
    altered = Path(shutil.copytree(few, tmp_path / "altered"))
    (altered / "size-1x1" / "stream.pico").write_bytes(b"")
    with pytest.raises(VectorSetError, match=r"size-1x1/stream\.pico altered"):
        run_matrix(job(altered, tmp_path))


@pytest.mark.parametrize(
    ("out", "code", "verdict"),
    [
        (HEADER + EXACT, 0, "exact"),
        (HEADER + EXACT + EXACT, 0, "broken"),
        (HEADER, 0, "broken"),
        ("", 0, "broken"),
        (HEADER + EXACT, 139, "broken"),
        (HEADER + DIFFERS, 11, "differs"),
        (HEADER + DIFFERS, 0, "broken"),
        ('{"file": "x", "verdict": "altered"}\n', 3, "broken"),
        ('{"set": 1, "kernels": "avx2"}\n' + EXACT, 0, "broken"),
        ("Illegal instruction\n", 132, "broken"),
    ],
)
def test_only_the_whole_output_of_a_runner_is_exact(out: str, code: int, verdict: str) -> None:
    assert read_verdicts(out, "", code, "scalar", expected=1).verdict == verdict


def result(verdict: str, reason: str | None = None) -> CellResult:
    return CellResult(
        platform="s390x",
        compiler="gcc",
        setting="-O2",
        provenance="emulated",
        verdict=verdict,  # type: ignore[arg-type]
        reason=reason,
    )


def matrix(*found: CellResult) -> Matrix:
    return Matrix(set=1, index_sha256="0" * 64, vectors=4, cells=found)


def test_report_shows_every_verdict_and_reason_as_text(tmp_path: Path) -> None:
    found = matrix(result("differs", "2 of 4 vectors <b>"), result("not run", "no qemu"))
    page, table = html(found), markdown(found)
    assert "2 of 4 vectors &lt;b&gt;" in page
    assert "not run: no qemu" in table
    write_report(found, tmp_path / "new")
    assert Matrix.model_validate_json((tmp_path / "new" / "matrix.json").read_bytes()) == found
    assert (tmp_path / "new" / "matrix.html").read_text() == page


def test_one_cell_that_differs_fails_the_matrix() -> None:
    assert matrix(result("exact")).passed
    assert matrix(result("exact"), result("not run")).passed
    for verdict in ("differs", "timed out", "broken"):
        assert not matrix(result("exact"), result(verdict)).passed


def test_table_in_the_docs_is_that_of_the_stored_matrix() -> None:
    stored = ROOT / "docs" / "data" / "conformance-matrix.json"
    found = Matrix.model_validate_json(stored.read_bytes())
    text = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    assert f"<!-- matrix -->\n\n{markdown(found)}\n" in text
    assert found.passed
    assert found.index_sha256 == VectorSet.open(ROOT / "conformance" / "vectors").index_sha256
