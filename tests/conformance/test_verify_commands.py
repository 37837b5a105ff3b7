"""``verify --vectors`` and ``--matrix``: exit codes, one JSON document, files written whole."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pico_deploy.cli.app import run
from pico_deploy.conformance.vector import EXPECT_FILE, VECTOR_FILE
from pico_deploy.conformance.vector_set import index_bytes

BUNDLE = Path(__file__).resolve().parents[2] / "conformance" / "model" / "bundle"


def verify(*arguments: object) -> int:
    return run(["verify", *(str(argument) for argument in arguments)])


def test_vectors_that_are_exact_and_near_exit_0_and_are_the_same_as_data(
    few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(BUNDLE, "--vectors", few, "--runtime", "onnx") == 0
    text = capsys.readouterr().out
    assert "numpy reference" in text
    assert "within tolerance" in text
    assert "vector set 1" in text
    out = tmp_path / "run.json"
    assert verify("--vectors", few, "--json", "-o", out) == 0
    data = json.loads(capsys.readouterr().out)
    assert data == json.loads(out.read_text())
    assert "no bundle was named" in data["not_run"][-1]["reason"]


def test_wrong_symbols_exit_11_and_an_altered_folder_3(
    few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(few, tmp_path / "vectors"))
    for name in (VECTOR_FILE, EXPECT_FILE):
        path = folder / "size-1x1" / name
        text = path.read_text()
        assert "layout 4 8" in text or '"lanes": 4' in text
        path.write_text(
            text.replace("layout 4 8", "layout 4 9").replace('"lanes": 4', '"lanes": 16')
        )
    assert verify("--vectors", folder) == 3
    assert "size-1x1/expect.txt altered" in capsys.readouterr().err
    names = ("size-1x1", "photo-anchor-0", "bad-magic", "symbols-anywhere")
    (folder / "index.txt").write_bytes(index_bytes(folder, 1, names))
    assert verify("--vectors", folder) == 11
    assert "expected 'layout 16 8', found 'layout 4 8'" in capsys.readouterr().err


def test_matrix_in_which_nothing_ran_does_not_pass(
    few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    arguments = ("--matrix", "--vectors", few, "--cell", "s390x", "--cell", "windows")
    assert verify(*arguments, "-o", tmp_path / "out", "--json") == 11
    data = json.loads(capsys.readouterr().out)
    assert {cell["verdict"] for cell in data["cells"]} == {"not run"}
    assert json.loads((tmp_path / "out" / "matrix.json").read_text()) == data
    assert verify(*arguments) == 11
    assert "no cell was run" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [(), ("--cell", "s390x"), ("--matrix", "--cell", "pdp11"), ("--vectors", "x", "--level", "3")],
)
def test_what_cannot_be_meant_exits_2(
    arguments: tuple[str, ...], few: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(*(few if a == "x" else a for a in arguments)) == 2
    assert capsys.readouterr().err.startswith("error: ")
