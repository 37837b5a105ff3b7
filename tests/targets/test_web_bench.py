"""`bench --target web` brings back what a real browser measured, with the host's symbols."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

import pytest
from PIL import Image
from tiny_codec import flat_blocks

from pico_deploy.cli.app import run
from pico_deploy.errors import BundleError, MissingDependencyError, UsageError, VerificationError
from pico_deploy.measure import identity
from pico_deploy.measure.host import bench_host
from pico_deploy.measure.protocol import Job
from pico_deploy.measure.result import Phase, Provenance, ReadBack, Result
from pico_deploy.measure.store import dump, parse
from targets.errors import DisconnectedError
from targets.registry import Request, bench, plan
from targets.web.built_page import page_folder
from targets.web.chromium import VARIABLE, find_chromium

pytest.importorskip("starlette", reason="pip install pico-deploy[web]")
pytest.importorskip("uvicorn", reason="pip install pico-deploy[web]")

ITERATIONS = 2


@pytest.fixture(scope="module")
def browser() -> str:
    """Chromium and a built page, or the reason why there is none."""
    try:
        page_folder()
        return find_chromium()
    except MissingDependencyError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def job(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    photo = tmp_path_factory.mktemp("photo") / "photo.png"
    Image.fromarray(flat_blocks(250, 490)).save(photo)
    return Job(bundle=tiny_bundle, photo=photo, level=5, iterations=ITERATIONS)


@pytest.fixture(scope="module")
def measured(browser: str, job: Job) -> Result:
    return bench("web:wasm", Request(job, ["onnx"]))


def test_result_is_valid_and_of_this_host(measured: Result, job: Job) -> None:
    assert parse(dump(measured), "result") == measured
    assert measured.provenance is Provenance.HOST
    assert (measured.target, measured.workload.level) == ("web:wasm", job.level)
    (found,) = measured.runs
    assert found.failure is None
    assert (found.accelerator_requested, found.accelerator_observed) == ("cpu", "cpu")
    assert found.load is not None and found.load.cold_ns > 0
    known = identity.conditions().load_average_1min is not None  # what the browser does not tell
    assert (found.conditions_before.load_average_1min is not None) == known
    assert "Chrom" in " ".join(measured.notes)


def test_symbols_pixels_and_bundle_are_those_of_the_host(measured: Result, job: Job) -> None:
    on_host = bench_host(job.model_copy(update={"iterations": 1}), ["onnx"])
    here, there = on_host.runs[0].hashes, measured.runs[0].hashes
    assert there.emitted_symbols_sha256 == here.emitted_symbols_sha256
    assert there.decoded_symbols_sha256 == here.decoded_symbols_sha256
    assert there.stream_sha256 == here.stream_sha256
    assert measured.bundle == on_host.bundle
    assert measured.workload.pixels_sha256 == on_host.workload.pixels_sha256


def test_every_phase_is_timed_in_every_pass(measured: Result) -> None:
    (found,) = measured.runs
    expected = {
        "encode": {Phase.PIXELS_IN, Phase.ANALYSIS, Phase.SCALE_INDICES, Phase.ENTROPY},
        "decode": {Phase.ENTROPY, Phase.SCALE_INDICES, Phase.SYNTHESIS, Phase.PIXELS_OUT},
    }
    for name, phases in expected.items():
        operation = getattr(found, name)
        assert set(operation.phases) == phases
        assert len(operation.latency_ns) == ITERATIONS
        assert operation.read_back is ReadBack.NONE
        assert operation.phases[Phase.SCALE_INDICES].part_of is Phase.ENTROPY
        for samples in operation.phases.values():
            assert all(any(calls) for calls in samples.samples_ns)


def test_page_had_threads_on_one_memory(measured: Result) -> None:
    assert any("on one shared memory" in note for note in measured.runs[0].notes)


def test_conformance_vectors_pass_in_the_browser(measured: Result) -> None:
    if not (page_folder() / "vectors").is_dir():
        pytest.skip("the page was built without conformance/vectors")
    conformance = measured.runs[0].conformance
    assert conformance is not None and conformance.vectors > 0
    assert conformance.failures == ()


def test_accelerator_that_is_not_there_is_an_error_and_no_silent_cpu(
    browser: str, job: Job
) -> None:
    with pytest.raises(VerificationError, match="WebGPU was asked for and cannot be used"):
        bench("web:webgpu", Request(job, ["onnx"]))


def stand_in(tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "browser"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv(VARIABLE, str(program))


@pytest.fixture
def some_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("<title>page</title>")
    monkeypatch.setattr("targets.web.bench.page_folder", lambda: tmp_path / "page")


@pytest.mark.usefixtures("some_page")
def test_browser_that_ends_is_named_with_its_last_words(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, "echo 'no display' >&2; exit 3", monkeypatch)
    with pytest.raises(DisconnectedError, match="code 3: no display"):
        bench("web", Request(job, ["onnx"]))


@pytest.mark.usefixtures("some_page")
def test_no_browser_is_a_missing_dependency(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "no-such-browser")
    with pytest.raises(MissingDependencyError, match="apt-get install chromium"):
        bench("web", Request(job, ["onnx"]))


def test_page_that_is_not_built_is_a_missing_dependency(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MissingDependencyError, match="run `make web`"):
        page_folder(tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(MissingDependencyError, match="install node and npm"):
        page_folder(tmp_path)


@pytest.mark.usefixtures("some_page")
@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"level": 11}, UsageError),
        ({"precision": "fp16"}, UsageError),
        ({"bundle": Path("absent")}, BundleError),
    ],
)
def test_job_that_no_page_can_do_is_refused_before_a_browser_starts(
    job: Job,
    change: dict[str, object],
    error: type[Exception],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stand_in(tmp_path, f"touch {tmp_path}/started", monkeypatch)
    with pytest.raises(error):
        bench("web", Request(job.model_copy(update=change), ["onnx"]))
    assert not (tmp_path / "started").exists()


def test_unknown_runtime_is_a_usage_error_and_a_plan_touches_nothing(job: Job) -> None:
    with pytest.raises(UsageError, match="web:wasm"):
        plan("web:metal", Request(job, ["onnx"]))
    assert "headless Chromium" in " ".join(plan("web", Request(job, ["onnx"])))


def test_command_writes_the_result(browser: str, job: Job, tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    arguments = ["bench", str(job.bundle), "--photo", str(job.photo), "--level", "5"]
    arguments += ["--iterations", "1", "--target", "web", "-o", str(out)]
    assert run(arguments) == 0
    assert json.loads(out.read_text())["provenance"] == "host"
