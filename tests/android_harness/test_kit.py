"""The Kotlin kit on a JVM: pipeline, results, accelerators, bundles. Its parts are stand-ins for a
runtime; everything else is what runs on a phone.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from android_build import (
    KIT,
    REPOSITORY,
    VECTORS,
    class_path,
    java,
    jni_library,
    run,
    vectors_jar,
)
from pydantic import ValidationError

from pico_deploy.conformance.vector_set import VectorSet
from pico_deploy.measure.result import Phase, Provenance, Result

BUNDLE = REPOSITORY / "conformance/model/bundle"
SCHEMA = json.loads((REPOSITORY / "pico_deploy/measure/result.schema.json").read_text())
WIDTH, HEIGHT, TILES = 300, 220, 6


def bench(bundle: Path = BUNDLE, **settings: str) -> tuple[int, str]:
    """Exit code and output of the stand-in's measurement."""
    command = [java(), f"-Djava.library.path={jni_library().parent}", "-cp"]
    command += [class_path(vectors_jar()), "org.picodeploy.test.BenchMainKt", str(bundle)]
    command += [f"{name}={value}" for name, value in settings.items()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.stderr == ""
    return done.returncode, done.stdout.strip()


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    code, output = bench()
    assert code == 0, output
    result: dict[str, Any] = json.loads(output)
    return result


def test_a_result_of_kotlin_is_of_the_schema(measured: dict[str, Any]) -> None:
    jsonschema.validate(measured, SCHEMA)
    result = Result.model_validate(measured)
    assert result.schema_version == SCHEMA["properties"]["schema_version"]["maximum"]
    assert result.provenance is Provenance.HOST
    assert result.workload.tiles == TILES


@pytest.mark.parametrize("field", ["provenance", "tool", "device", "bundle", "workload", "runs"])
def test_control_a_result_that_lacks_a_field_is_refused(
    measured: dict[str, Any], field: str
) -> None:
    without = {name: value for name, value in measured.items() if name != field}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(without, SCHEMA)
    with pytest.raises(ValidationError):
        Result.model_validate(without)


def test_every_step_is_timed_once_a_tile_or_stream(measured: dict[str, Any]) -> None:
    run = Result.model_validate(measured).runs[0]
    assert run.encode
    assert run.decode
    calls = {
        (name, phase): [len(calls) for calls in samples.samples_ns]
        for name, operation in (("encode", run.encode), ("decode", run.decode))
        for phase, samples in operation.phases.items()
    }
    assert calls == {
        ("encode", Phase.PIXELS_IN): [TILES, TILES],
        ("encode", Phase.ANALYSIS): [TILES, TILES],
        ("encode", Phase.ENTROPY): [1, 1],
        ("decode", Phase.PARSE): [1, 1],
        ("decode", Phase.ENTROPY): [1, 1],
        ("decode", Phase.SYNTHESIS): [TILES, TILES],
        ("decode", Phase.PIXELS_OUT): [TILES, TILES],
    }


def test_symbols_and_pixels_come_back(measured: dict[str, Any]) -> None:
    hashes = Result.model_validate(measured).runs[0].hashes
    assert hashes.emitted_symbols_sha256 == hashes.decoded_symbols_sha256
    grey = bytes([128]) * (3 * WIDTH * HEIGHT)
    assert hashes.decoded_pixels_sha256 == hashlib.sha256(grey).hexdigest()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("fractions", "verification: y[0] is 0.25, which is no symbol"),
        ("short", "verification: y has 1535 elements, expected 1536"),
        ("synthesis fails", "unavailable: the stand-in broke down"),
    ],
)
def test_a_part_that_fails_ends_the_measurement_with_its_reason(fault: str, error: str) -> None:
    assert bench(fault=fault) == (1, error)


def observed(**settings: str) -> tuple[str | None, str | None, str]:
    code, output = bench(**settings)
    assert code == 0, output
    run = Result.model_validate_json(output).runs[0]
    assert run.accelerator_requested == "npu"
    return run.accelerator_observed, run.accelerator_evidence, " ".join(run.notes)


def test_an_npu_that_takes_the_whole_model_is_observed() -> None:
    unit, evidence, notes = observed()
    assert unit == "npu"
    assert evidence == "analysis: it takes all or nothing; synthesis: it takes all or nothing"
    assert "asked for" not in notes


def test_the_cpu_observed_while_the_npu_was_asked_for_is_reported() -> None:
    unit, _, notes = observed(takes="cpu")
    assert unit == "cpu"
    assert "npu was asked for, cpu did the work" in notes
    assert "gpu was asked for and did not take the model: no gpu here" in notes


def test_what_was_asked_for_is_never_taken_for_what_happened() -> None:
    unit, evidence, notes = observed(mixes="true")
    assert unit is None
    assert evidence is None
    assert "where it ran is not known: it may share the work" in notes


@pytest.mark.parametrize("settings", [{"takes": "cpu"}, {"mixes": "true"}])
def test_a_job_for_the_npu_alone_fails_on_anything_else(settings: dict[str, str]) -> None:
    code, output = bench(exclusively="true", **settings)
    assert code == 1
    assert output.startswith("verification: npu was asked for, ")


def test_a_model_that_no_unit_takes_names_every_reason() -> None:
    expected = "no unit takes the model: npu: no npu here; gpu: no gpu here; cpu: no cpu here"
    assert bench(takes="none") == (1, f"unavailable: {expected}")


def test_vectors_are_judged_beside_the_measurement() -> None:
    code, output = bench(vectors=str(VECTORS))
    assert code == 0, output
    conformance = Result.model_validate_json(output).runs[0].conformance
    vectors = VectorSet.open(VECTORS)
    assert conformance
    assert conformance.suite_sha256 == vectors.index_sha256
    assert (conformance.vectors, conformance.passed) == (len(vectors.names), len(vectors.names))


def altered(folder: Path, change: str) -> Path:
    """A copy of the bundle with something wrong."""
    bundle = folder / "pico.bundle"
    shutil.copytree(BUNDLE, bundle)
    manifest = bundle / "manifest.json"
    if change == "touched":
        data = bytearray((bundle / "entropy.bin").read_bytes())
        data[len(data) // 2] ^= 1
        (bundle / "entropy.bin").write_bytes(data)
    elif change == "missing":
        (bundle / "onnx/analysis.onnx").unlink()
    elif change == "leading out":
        text = manifest.read_text().replace('"entropy.bin": {', '"../entropy.bin": {')
        manifest.write_text(text)
    elif change == "version":
        text = manifest.read_text().replace('"schema_version": 1', '"schema_version": 2')
        manifest.write_text(text)
    else:
        manifest.write_text(manifest.read_text()[:1000])
    return bundle


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("touched", "entropy.bin is not the file that was sealed"),
        ("missing", "onnx/analysis.onnx is missing"),
        ("leading out", "../entropy.bin leads out of the bundle"),
        ("version", "manifest version 2; this harness reads version 1"),
        ("cut", "manifest.json cannot be read"),
    ],
)
def test_a_bundle_that_is_not_the_sealed_one_is_refused(
    tmp_path: Path, change: str, says: str
) -> None:
    code, output = bench(altered(tmp_path, change))
    assert code == 1
    assert output.startswith("bundle: pico.bundle: ")
    assert says in output


def test_the_harness_has_the_version_of_the_project() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    code = (KIT / "kotlin/org/picodeploy/kit/Benchmark.kt").read_text()
    assert f'VERSION = "{project["version"]}"' in code


def done_meanwhile(threads: str) -> dict[str, int]:
    output = run("OverlapMain", str(BUNDLE), threads, library=jni_library())
    return {line.split(": ")[0]: int(line.split(": ")[1]) for line in output.splitlines()}


def test_the_core_works_while_the_accelerator_does_and_does_not_run_away() -> None:
    done = done_meanwhile("apart")
    # Of 25 tiles in 4 streams: what went before and what is held, one that waits, one that would.
    assert 3 <= done["cut"] <= 4
    assert 1 <= done["coded"] <= 2
    assert 2 <= done["decoded"] <= 3
    assert done["written"] == 1


def test_control_a_core_on_the_accelerators_thread_is_seen_to_wait() -> None:
    done = done_meanwhile("together")
    assert done["cut"] < 3
    assert done["written"] == 0


def test_a_photo_is_coded_as_it_is_and_one_of_another_size_is_refused(tmp_path: Path) -> None:
    photo = tmp_path / "photo.rgb"
    pixels = bytes(range(256)) * 800
    photo.write_bytes(pixels[: 3 * WIDTH * HEIGHT])
    code, output = bench(photo=str(photo))
    assert code == 0, output
    workload = Result.model_validate_json(output).workload
    assert (workload.image, workload.image_source) == ("a photo", "file")
    assert workload.pixels_sha256 == hashlib.sha256(photo.read_bytes()).hexdigest()
    photo.write_bytes(pixels[:99])
    refused = f"photo.rgb has 99 bytes, which are no RGB of {WIDTH}×{HEIGHT}"
    assert bench(photo=str(photo)) == (1, f"usage: {refused}")
