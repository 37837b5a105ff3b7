"""The entry point: quick to start, complete in its help, documented in its exit codes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import pico_deploy.core_errors
import pico_deploy.entropy.errors  # noqa: F401 - their classes must be documented like all others
from pico_deploy.cli.app import run
from pico_deploy.cli.commands import COMMANDS, load_command
from pico_deploy.errors import PicoError

DOCS = Path(__file__).resolve().parents[2] / "docs"
HEAVY = ("torch", "onnxruntime", "onnx", "numpy", "PIL", "ai_edge_litert", "converters", "rich")


def modules_after(code: str) -> set[str]:
    """Top-level packages that a fresh interpreter has imported after running ``code``."""
    script = f"{code}\nimport sys\nprint(*sorted(sys.modules), file=sys.__stdout__)"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in result.stdout.splitlines()[-1].split()}


def test_import_loads_nothing_heavy() -> None:
    assert not modules_after("import pico_deploy") & set(HEAVY)


def test_help_loads_nothing_heavy() -> None:
    code = "from pico_deploy.cli.app import run\nassert run(['--help']) == 0"
    assert not modules_after(code) & set(HEAVY)


def test_module_check_sees_a_heavy_import() -> None:
    """Control of the two tests above."""
    assert "numpy" in modules_after("import numpy")


@pytest.mark.parametrize("module", ["pico_deploy.runtime.files", "pico_deploy.bundle"])
def test_running_a_bundle_does_not_need_torch(module: str) -> None:
    assert not modules_after(f"import {module}") & {"torch", "converters", "onnx"}


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    for name in COMMANDS:
        assert f"\n  {name} " in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_listed_command_exists_and_has_help(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load_command(name).name == name
    assert run([name, "--help"]) == 0
    assert "Usage" in capsys.readouterr().out


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("pico-deploy ")


def all_errors() -> set[type[PicoError]]:
    found, waiting = set(), [PicoError]
    while waiting:
        error = waiting.pop()
        if error.__module__.partition(".")[0] in ("pico_deploy", "converters"):
            found.add(error)
        waiting.extend(error.__subclasses__())
    return found


def test_every_error_code_and_its_exit_code_are_documented() -> None:
    text = (DOCS / "errors.md").read_text()
    for error in all_errors():
        assert f"| {error.exit_code} | `{error.code}` |" in text, error


def test_a_code_always_has_the_same_exit_code() -> None:
    pairs = {(error.code, error.exit_code) for error in all_errors()}
    assert len({code for code, _ in pairs}) == len(pairs)


def test_every_command_is_documented() -> None:
    text = (DOCS / "cli.md").read_text()
    for name in COMMANDS:
        assert f"`pico-deploy {name}" in text
