"""`bench` on a target brings back a valid result whose symbols are the host's, and calls nothing a
device that is none.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from adbd import Adbd
from phones import LYING_PHONE
from PIL import Image
from tiny_codec import flat_blocks

from pico_deploy.cli.app import run
from pico_deploy.errors import UsageError, VerificationError
from pico_deploy.measure.caveats import require_conformance
from pico_deploy.measure.host import bench_host
from pico_deploy.measure.protocol import Job
from pico_deploy.measure.result import Covers, Phase, Provenance, ReadBack, Result
from pico_deploy.measure.schema import schema_text
from pico_deploy.measure.store import dump, load, parse
from targets import registry
from targets.errors import TargetError
from targets.registry import Request

ITERATIONS = 3
TARGETS = ["local", "emulated:arm64", "adb"]


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    Image.fromarray(flat_blocks(250, 490)).save(path)
    return path


@pytest.fixture(scope="module")
def job(tiny_bundle: Path, photo: Path) -> Job:
    return Job(bundle=tiny_bundle, photo=photo, level=5, iterations=ITERATIONS)


@pytest.fixture(scope="module")
def on_host(job: Job) -> Result:
    return bench_host(job.model_copy(update={"iterations": 1}), ["onnx"])


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest) -> str:
    return address_of(request.param, request)


def address_of(name: str, request: pytest.FixtureRequest) -> str:
    if name != "local" and shutil.which("qemu-aarch64-static") is None:
        pytest.skip("qemu-aarch64-static is not installed: apt-get install qemu-user-static")
    return f"adb:{request.getfixturevalue('adbd').serial}" if name == "adb" else name


def program_for(target: str, pico_bench: Callable[[str], Path]) -> Path:
    return pico_bench("x86-64" if target == "local" else "arm64")


@pytest.fixture
def result(target: str, job: Job, pico_bench: Callable[[str], Path]) -> Result:
    return registry.bench(target, Request(job, ["onnx"], program_for(target, pico_bench)))


def test_result_is_valid_and_its_hashes_are_those_of_the_host(
    result: Result, on_host: Result
) -> None:
    from jsonschema import Draft202012Validator

    text = dump(result)
    assert parse(text, "result") == result
    Draft202012Validator(json.loads(schema_text())).validate(json.loads(text))
    (found,), (expected,) = result.runs, on_host.runs
    assert found.hashes.decoded_symbols_sha256 == expected.hashes.decoded_symbols_sha256
    assert found.hashes.emitted_symbols_sha256 == expected.hashes.emitted_symbols_sha256
    assert found.hashes.stream_sha256 == expected.hashes.stream_sha256
    assert result.bundle == on_host.bundle
    assert result.workload == on_host.workload


def test_every_phase_of_the_core_is_timed_and_the_rest_is_said_to_be_elsewhere(
    result: Result,
) -> None:
    (found,) = result.runs
    assert found.covers is Covers.CORE
    assert set(found.ran_elsewhere) == {Phase.ANALYSIS, Phase.SYNTHESIS}
    assert found.encode is not None and found.decode is not None
    calls = {
        "encode": {Phase.PIXELS_IN: 15, Phase.SCALE_INDICES: 2, Phase.ENTROPY: 2},
        "decode": {
            Phase.PARSE: 1,
            Phase.SCALE_INDICES: 2,
            Phase.ENTROPY: 2,
            Phase.PIXELS_OUT: 15,
        },
    }
    for name, operation in (("encode", found.encode), ("decode", found.decode)):
        assert operation.read_back is ReadBack.NONE
        assert len(operation.latency_ns) == ITERATIONS
        assert {phase: len(s.samples_ns[0]) for phase, s in operation.phases.items()} == calls[name]
        inside = [s for s in operation.phases.values() if s.part_of is None]
        for i, latency in enumerate(operation.latency_ns):
            assert sum(s.busy_ns[i] for s in inside) <= latency
    assert found.load is not None and len(found.load.warm_ns) == 3


def test_only_this_machine_is_called_host_and_nothing_here_a_device(
    result: Result, target: str
) -> None:
    expected = Provenance.HOST if target == "local" else Provenance.EMULATED
    assert result.provenance is expected
    if expected is Provenance.EMULATED:
        assert result.device.emulator_markers
    assert result.target == ("adb" if target.startswith("adb:") else target)


def test_phone_that_lies_about_build_soc_and_cpuinfo_is_found_out_by_the_program(
    request: pytest.FixtureRequest, job: Job, pico_bench: Callable[[str], Path]
) -> None:
    target = address_of("adb", request)
    adbd: Adbd = request.getfixturevalue("adbd")
    adbd.phone.properties, adbd.phone.answers = LYING_PHONE.properties, LYING_PHONE.answers
    result = registry.bench(target, Request(job, ["onnx"], pico_bench("arm64")))
    assert result.device.model == "Pixel 10"
    assert result.provenance is Provenance.EMULATED
    assert any("the program saw CPU implementer" in m for m in result.device.emulator_markers)


@pytest.mark.parametrize("name", ["emulated:arm64", "adb"])
def test_verdict_is_refused_however_fast_and_junit_shows_no_pass(
    name: str,
    request: pytest.FixtureRequest,
    job: Job,
    pico_bench: Callable[[str], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    target = address_of(name, request)
    (tmp_path / "budget.toml").write_text("[budgets]\nstream_bytes = 1e9\n")
    code = run(
        [
            *("bench", str(job.bundle), "--target", target, "--photo", str(job.photo)),
            *("--level", "5", "--iterations", "1", "--runtime", "onnx"),
            *("--program", str(pico_bench("arm64")), "-o", str(tmp_path / "r.json")),
            *("--budget", str(tmp_path / "budget.toml"), "--junit", str(tmp_path / "j.xml")),
        ]
    )
    assert code == 12
    assert "not a device measurement" in capsys.readouterr().err
    assert load(tmp_path / "r.json").provenance is Provenance.EMULATED
    suite = ElementTree.parse(tmp_path / "j.xml").getroot()
    assert (suite.attrib["tests"], suite.attrib["errors"]) == ("1", "1")


VECTORS = Path(__file__).parents[2] / "conformance" / "vectors"


def test_conformance_vectors_are_judged_on_the_target_too(
    target: str, job: Job, pico_bench: Callable[[str], Path]
) -> None:
    request = Request(job, ["onnx"], program_for(target, pico_bench), VECTORS)
    (found,) = registry.bench(target, request).runs
    assert found.conformance is not None
    assert found.conformance.vectors == found.conformance.passed > 60
    require_conformance(registry.bench("local", Request(job, ["onnx"], pico_bench("x86-64"))))


def test_vector_that_fails_or_is_not_judged_is_named_and_fails_the_bench(
    job: Job, pico_bench: Callable[[str], Path], tmp_path: Path
) -> None:
    alter = '/size-1x1/s/exact/differs/;/"scene-flat/d'
    broken = tmp_path / "pico_bench"
    broken.write_text(f"#!/bin/sh\n{pico_bench('x86-64')} \"$@\" | sed '{alter}'\n")
    result = registry.bench("local", Request(job, ["onnx"], broken, VECTORS))
    found = result.runs[0].conformance
    assert found is not None
    assert "size-1x1 differs" in found.failures
    assert any(
        name.startswith("scene-flat") and "was not judged" in name for name in found.failures
    )
    with pytest.raises(VerificationError, match="conformance vectors failed, first: size-1x1"):
        require_conformance(result)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (r's/\(decoded_symbols_sha256": "\).\{8\}/\100000000/', "decoded symbols 00000000"),
        ('s/"same_stream": true/"same_stream": false/', "to another stream"),
        ('s/"same_pixels": true/"same_pixels": false/', "does not give pixels back"),
    ],
)
def test_target_whose_core_is_wrong_gives_no_result(
    fault: str, words: str, job: Job, pico_bench: Callable[[str], Path], tmp_path: Path
) -> None:
    broken = tmp_path / "pico_bench"
    broken.write_text(f"#!/bin/sh\n{pico_bench('x86-64')} \"$@\" && sed -i '{fault}' report.json\n")
    with pytest.raises(VerificationError, match=words):
        registry.bench("local", Request(job, ["onnx"], broken))


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo out of luck >&2; exit 7", "ended with 7: out of luck"),
        ("kill -SEGV $$", "ended with -11: it said nothing"),
        ("echo '{}' > report.json", "no report of pico_bench: schema: Field required"),
        ("echo damaged > report.json", "no report of pico_bench"),
        ("true", "has no file report.json"),
    ],
)
def test_program_that_fails_is_an_error_with_its_last_words(
    script: str, words: str, job: Job, tmp_path: Path
) -> None:
    (tmp_path / "program").write_text(f"#!/bin/sh\n{script}\n")
    with pytest.raises(TargetError, match=words):
        registry.bench("local", Request(job, ["onnx"], tmp_path / "program"))


def test_dry_run_says_what_would_be_sent_and_run_and_touches_nothing(
    tiny_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench", str(tiny_bundle), "--target", "adb:nowhere", "--dry-run"]) == 0
    told = capsys.readouterr().out
    for words in (
        "push to adb:nowhere: entropy.bin",
        "run on adb:nowhere: pico_bench run",
        "remove",
    ):
        assert words in told
    assert run(["bench", str(tiny_bundle), "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["target"] == "host"


def test_level_that_the_bundle_has_not_is_refused(
    job: Job, pico_bench: Callable[[str], Path]
) -> None:
    wrong = job.model_copy(update={"level": 11})
    with pytest.raises(UsageError, match="0…10"):
        registry.bench("local", Request(wrong, ["onnx"], pico_bench("x86-64")))


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("moon", 2),
        ("emulated", 2),
        ("emulated:z80", 2),
        ("emulated:arm64/abacus", 2),
        ("local:x", 2),
        ("host:x", 2),
        ("devicectl:x", 2),
    ],
)
def test_address_that_makes_no_sense_exits_2(address: str, code: int, tiny_bundle: Path) -> None:
    assert run(["bench", str(tiny_bundle), "--target", address, "--level", "5"]) == code


@pytest.mark.parametrize(
    "options",
    [("--junit", "x.xml"), ("--max-slowdown", "1.1"), ("--vectors", str(VECTORS), "--level", "5")],
)
def test_option_that_makes_no_sense_alone_is_refused(
    options: tuple[str, ...], tiny_bundle: Path
) -> None:
    assert run(["bench", str(tiny_bundle), *options]) == 2
