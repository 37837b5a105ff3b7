"""A bench of this host gives a whole, honest result, whatever a runtime does."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_codec import flat_blocks

from pico_deploy.conformance.pixels import pixels_sha256
from pico_deploy.errors import UsageError, VerificationError
from pico_deploy.measure.host import bench_host
from pico_deploy.measure.protocol import Job
from pico_deploy.measure.result import Phase, Provenance, Result
from pico_deploy.measure.store import dump, parse

HEIGHT, WIDTH = 250, 490


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    Image.fromarray(flat_blocks(HEIGHT, WIDTH)).save(path)
    return path


@pytest.fixture(scope="module")
def heard() -> list[tuple[int, int, str]]:
    return []


@pytest.fixture(scope="module")
def result(tiny_bundle: Path, photo: Path, heard: list[tuple[int, int, str]]) -> Result:
    job = Job(bundle=tiny_bundle, photo=photo, level=5, iterations=3)
    return bench_host(job, ["onnx", "tflite"], lambda *step: heard.append(step))


def test_result_is_whole_and_valid(result: Result, photo: Path) -> None:
    assert parse(dump(result), "result") == result
    assert result.provenance is Provenance.HOST
    run = result.run("onnx")
    assert run is not None and run.encode is not None and run.decode is not None
    assert run.load is not None and len(run.load.warm_ns) == 3
    assert run.memory is not None and run.memory.peak_bytes > (run.memory.before_load_bytes or 0)
    assert run.runtime_version is not None and run.runtime_version.startswith("onnxruntime ")
    assert result.workload.pixels_sha256 == pixels_sha256(flat_blocks(HEIGHT, WIDTH))
    assert (result.workload.tiles, result.workload.image) == (15, photo.name)


def test_every_tile_of_every_iteration_is_timed_in_its_phase(result: Result) -> None:
    run = result.run("onnx")
    assert run is not None and run.encode is not None and run.decode is not None
    expected = {
        "encode": {Phase.PIXELS_IN, Phase.ANALYSIS, Phase.ENTROPY, Phase.SCALE_INDICES},
        "decode": {Phase.ENTROPY, Phase.SCALE_INDICES, Phase.SYNTHESIS, Phase.PIXELS_OUT},
    }
    for name, operation in (("encode", run.encode), ("decode", run.decode)):
        assert set(operation.phases) == expected[name]
        assert len(operation.latency_ns) == 3
        assert not operation.dropped
        per_tile = {Phase.PIXELS_IN, Phase.ANALYSIS, Phase.SYNTHESIS, Phase.PIXELS_OUT}
        for phase, samples in operation.phases.items():
            counts = {len(calls) for calls in samples.samples_ns}
            assert len(counts) == 1
            assert (counts == {15}) == (phase in per_tile)
        assert operation.phases[Phase.SCALE_INDICES].part_of is Phase.ENTROPY


def test_no_phase_is_longer_than_the_whole(result: Result) -> None:
    run = result.run("onnx")
    assert run is not None and run.encode is not None and run.decode is not None
    for operation in (run.encode, run.decode):
        for phase in (Phase.ANALYSIS, Phase.SYNTHESIS, Phase.ENTROPY):
            if phase in operation.phases:
                busy = operation.phases[phase].busy_ns
                assert all(b <= total for b, total in zip(busy, operation.latency_ns, strict=True))


def test_symbols_and_pixels_are_those_of_the_codec(
    result: Result, tiny_bundle: Path, photo: Path
) -> None:
    from pico_deploy.runtime.decode import decode, open_stream
    from pico_deploy.runtime.encode import encode
    from pico_deploy.runtime.observer import SymbolHash
    from pico_deploy.runtime.photo import ArrayPixels
    from pico_deploy.runtime.picture import ArraySink
    from pico_deploy.runtime.session import Session

    run = result.run("onnx")
    assert run is not None
    symbols, sink = SymbolHash(), ArraySink()
    with Session.open(tiny_bundle) as session:
        source = ArrayPixels(np.asarray(Image.open(photo)))
        stream = encode(source, session, session.load("analysis", "onnx"), 5, observer=symbols)
        decode(open_stream(stream, session), session, session.load("synthesis", "onnx"), sink)
    assert run.hashes.emitted_symbols_sha256 == symbols.hexdigest()
    assert run.hashes.decoded_symbols_sha256 == symbols.hexdigest()
    assert run.hashes.decoded_pixels_sha256 == pixels_sha256(sink.pixels())
    assert run.stream_bytes == len(stream)


def test_runtime_that_cannot_run_is_in_the_result_with_its_reason(result: Result) -> None:
    run = result.run("tflite")
    assert run is not None and run.failure is not None
    assert run.encode is None
    assert any("tflite was not measured" in note for note in result.notes)


def test_image_that_is_not_12_megapixels_is_said_to_be(result: Result) -> None:
    assert any("latencies are not those of a 12 MP photo" in note for note in result.notes)


def test_progress_counts_up_to_its_total(result: Result, heard: list[tuple[int, int, str]]) -> None:
    assert all(a[0] < b[0] < b[1] for a, b in itertools.pairwise(heard))
    assert {what.split()[0] for _, _, what in heard} == {"onnx", "tflite"}


def test_crash_of_a_runtime_is_a_failure_of_that_run_alone(
    tiny_bundle: Path, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")
    job = Job(bundle=tiny_bundle, photo=photo, level=5, iterations=1)
    with pytest.raises(VerificationError, match="nothing could be measured: onnx: the process"):
        bench_host(job, ["onnx"])


def test_impossible_level_is_refused_before_anything_starts(tiny_bundle: Path, photo: Path) -> None:
    job = Job(bundle=tiny_bundle, photo=photo, level=11)
    with pytest.raises(UsageError, match="0…10"):
        bench_host(job, ["onnx"])
