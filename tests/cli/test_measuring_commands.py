"""verify, bench, report, evaluate: exit codes, one JSON document, files written whole."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tiny_codec import flat_blocks

from pico_deploy.cli.app import run
from pico_deploy.measure.store import load


def write_photo(path: Path) -> Path:
    Image.fromarray(flat_blocks(130, 250)).save(path)
    return path


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return write_photo(tmp_path / "photo.png")


@pytest.fixture
def bench(tiny_bundle: Path, photo: Path) -> list[str]:
    return [
        "bench", str(tiny_bundle), "--photo", str(photo), "--level", "5", "--iterations", "2",
        "--runtime", "onnx",
    ]  # fmt: skip


def document(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_verify_passes_with_exit_0_and_the_same_as_data(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["verify", str(tiny_bundle), "--runtime", "onnx"]) == 0
    text = capsys.readouterr().out
    assert "passed" in text and "core/scalar" in text and "needs two decoders" in text
    out = tmp_path / "v.json"
    assert run(["verify", str(tiny_bundle), "--runtime", "onnx", "--json", "-o", str(out)]) == 0
    data = document(capsys)
    assert data["schema_name"] == "pico-deploy/verification"
    assert all(check["passed"] for check in data["checks"])
    assert json.loads(out.read_text()) == data


def test_verify_of_a_touched_bundle_exits_6_and_of_one_without_a_runtime_11(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = Path(shutil.copytree(tiny_bundle, tmp_path / "b"))
    with (bundle / "entropy.bin").open("ab") as file:
        file.write(b"\0")
    assert run(["verify", str(bundle)]) == 6
    assert "entropy.bin" in capsys.readouterr().err
    assert run(["verify", str(tiny_bundle), "--runtime", "tflite"]) == 11
    assert run(["verify", str(tiny_bundle), "--runtime", "tflite", "--json"]) == 11


def test_verify_takes_photos_and_levels(
    tiny_bundle: Path, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    levels = ["--level", "0", "--level", "9"]
    assert (
        run(["verify", str(tiny_bundle), str(photo), "--runtime", "onnx", "--json", *levels]) == 0
    )
    streams = document(capsys)["streams"]
    assert {(s["image"], s["level"]) for s in streams} == {("photo.png", 0), ("photo.png", 9)}
    assert run(["verify", str(tiny_bundle), "--level", "11"]) == 2


def test_bench_writes_a_result_that_report_and_compare_read(
    bench: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result, page = tmp_path / "r.json", tmp_path / "r.html"
    assert run([*bench, "-o", str(result)]) == 0
    assert "provenance: host" in capsys.readouterr().out
    assert load(result).provenance == "host"
    assert run([*bench, "--compare", str(result)]) == 0
    assert "onnx decode: " in capsys.readouterr().out
    assert run(["report", str(result), str(result), "-o", str(page)]) == 0
    assert "Comparison" in page.read_text()


def test_budget_on_a_host_exits_12_and_says_why_also_as_one_json_document(
    bench: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    budget = tmp_path / "budget.toml"
    budget.write_text("[budgets]\ndecode_milliseconds = 1e9\n")
    assert run([*bench, "--budget", str(budget)]) == 12
    assert "not a device measurement" in capsys.readouterr().err
    assert run([*bench, "--budget", str(budget), "--json"]) == 12
    data = document(capsys)
    assert data["budgets"][0]["outcome"] == "not a device measurement"
    assert data["result"]["provenance"] == "host"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--target", "moon"], 2),
        (["--level", "11"], 2),
        (["--precision", "fp8"], 2),
        (["--photo", "absent.jpg"], 3),
        (["--budget", "absent.toml"], 3),
        (["--compare", "absent.json"], 3),
    ],
)
def test_bench_refuses_what_it_cannot_use_before_measuring(
    bench: list[str], arguments: list[str], code: int
) -> None:
    assert run([*bench, *arguments]) == code


def test_report_of_what_is_not_a_result_exits_3_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text("{}")
    page = tmp_path / "r.html"
    assert run(["report", str(tmp_path / "r.json"), "-o", str(page)]) == 3
    assert not page.exists()


def test_evaluate_writes_tables_plot_and_data(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images, out = tmp_path / "images", tmp_path / "out"
    images.mkdir()
    write_photo(images / "a.png")
    arguments = ["evaluate", "-b", str(tiny_bundle), "--images", str(images), "-o", str(out)]
    assert run([*arguments, "--peer", "jpeg", "--metric", "psnr"]) == 0
    assert "| tiny | JPEG |" in capsys.readouterr().out
    assert run([*arguments, "--peer", "jpeg", "--metric", "psnr", "--json"]) == 0
    assert document(capsys) == json.loads((out / "evaluation.json").read_text())
    with Image.open(out / "evaluation.png") as plot:
        assert plot.width > 300
    assert run([*arguments, "--peer", "h264"]) == 2
    (tmp_path / "empty").mkdir()
    arguments[4] = str(tmp_path / "empty")
    assert run(arguments) == 3


@pytest.mark.parametrize(
    "module", ["measure.host", "measure.worker", "conformance.verify", "evaluation.run"]
)
def test_measuring_needs_no_torch(module: str) -> None:
    code = f"import sys, pico_deploy.{module}; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"


def test_brackets_in_a_cell_are_printed_and_not_taken_for_markup(capsys) -> None:
    from pico_deploy.cli.tables import _table, print_tables

    print_tables(iter([_table("t", ["why"], [["run `pip install pico-deploy[litert]`"]])]))
    assert "pico-deploy[litert]" in capsys.readouterr().out
