"""The Swift package as far as it can be checked without Apple's tools."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from swift_sources import HARNESS, errors, json_names, sources

from pico_deploy.bundle.manifest import Manifest
from pico_deploy.measure.result import SCHEMA_VERSION

REPOSITORY = HARNESS.parent
SCHEMA = REPOSITORY / "pico_deploy/measure/result.schema.json"
RESULT = HARNESS / "Sources/PicoKit/MeasurementResult.swift"
OTHER_NAMES = {"CodecOperation": "Operation", "MeasurementResult": "Result"}
"""Swift types that cannot have the schema's name, because Foundation or the language has it."""


@pytest.mark.parametrize("path", sources(), ids=lambda p: p.relative_to(HARNESS).as_posix())
def test_every_source_is_swift_without_syntax_errors(path: Path) -> None:
    assert errors(path.read_bytes()) == []


def test_control_a_missing_brace_is_seen() -> None:
    code = RESULT.read_bytes()
    assert errors(code[: code.rindex(b"}")])


def definitions() -> dict[str, dict[str, object]]:
    schema = json.loads(SCHEMA.read_text())
    return {**schema["$defs"], "Result": schema}


def disagreements(types: dict[str, set[str]]) -> list[str]:
    """Fields that the schema does not know, or wants and does not get."""
    found = []
    for swift, names in types.items():
        definition = definitions()[OTHER_NAMES.get(swift, swift)]
        known, required = definition["properties"], definition.get("required", [])
        assert isinstance(known, dict)
        assert isinstance(required, list)
        found += [f"{swift}.{name} is not in the schema" for name in sorted(names - set(known))]
        found += [f"{swift} lacks {name}" for name in sorted(set(required) - names)]
    return found


def test_results_have_the_fields_of_the_schema() -> None:
    types = json_names(RESULT)
    assert len(types) == 12
    assert disagreements(types) == []


def test_control_a_misspelt_or_missing_field_is_seen() -> None:
    types = json_names(RESULT)
    types["Tool"] = {"name", "version", "core_bitstream_versoin", "core_kernels"}
    assert disagreements(types) == [
        "Tool.core_bitstream_versoin is not in the schema",
        "Tool lacks core_bitstream_version",
    ]


def test_the_schema_version_is_the_one_these_fields_belong_to() -> None:
    stated = re.search(r"resultSchemaVersion = (\d+)", RESULT.read_text())
    assert stated
    assert int(stated[1]) == SCHEMA_VERSION


def test_the_manifest_is_read_by_its_own_names() -> None:
    types = json_names(HARNESS / "Sources/PicoKit/Manifest.swift")
    assert types["Manifest"] <= set(Manifest.model_fields)
    schema = Manifest.model_json_schema()["$defs"]
    for name in ("Geometry", "Tensor", "Artefact", "FileEntry"):
        assert types[name] <= set(schema[name]["properties"]), name


def test_the_harness_has_the_version_of_the_project() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    code = (HARNESS / "Sources/PicoKit/Benchmark.swift").read_text()
    assert f'harnessVersion = "{project["version"]}"' in code


def test_the_c_target_is_the_core_itself() -> None:
    target = HARNESS / "Sources/PicoCore"
    assert (target / "src").resolve() == (REPOSITORY / "core/src").resolve()
    for header in re.findall(r'header "(.+)"', (target / "include/module.modulemap").read_text()):
        found = (target / "include" / header).resolve()
        assert found == (REPOSITORY / "core/include" / header).resolve()


def test_the_c_target_compiles_for_an_iphone(tmp_path: Path) -> None:
    clang = shutil.which("clang-19")
    if clang is None:
        pytest.skip("clang-19 is not installed")
    target = HARNESS / "Sources/PicoCore"
    for number, source in enumerate(sorted((target / "src").rglob("*.c"))):
        command = [clang, "--target=arm64-apple-ios17.0", "-std=c11", "-O2", "-ffreestanding"]
        command += ["-Wall", "-Werror", f"-I{target / 'include'}", "-c", str(source)]
        subprocess.run([*command, "-o", str(tmp_path / f"{number}.o")], check=True)


@pytest.mark.slow
def test_the_package_passes_its_own_tests_where_there_is_swift() -> None:
    swift = shutil.which("swift")
    version = swift and subprocess.run(
        [swift, "--version"], capture_output=True, text=True, check=False
    )
    if not version or "Swift version" not in version.stdout:  # Debian's `swift` is another program
        pytest.skip("there is no Swift toolchain on this machine: PicoKit was parsed, not compiled")
    subprocess.run(["swift", "test", "--package-path", str(HARNESS)], check=True)
