"""The iPhone's XCTest from here: what is run, what comes back, and everything that may go wrong.

Xcode is played by ``xcode_stand_in.py``; nothing here has run on a Mac.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from sample_results import make_result

from pico_deploy.errors import MissingDependencyError, PicoError, UsageError, VerificationError
from pico_deploy.measure.protocol import Job
from pico_deploy.measure.result import Device, Hashes, Provenance, Result
from targets import xctest
from targets.errors import TargetError
from targets.registry import Request

STAND_IN = Path(__file__).with_name("xcode_stand_in.py")
UDID = "00008150-0000000000000001"


def phone_result() -> Result:
    phone = Device(
        model="iPhone18,2",
        architecture="arm64",
        os="iOS",
        os_version="26.1",
        identified_by=("hw.machine iPhone18,2",),
    )
    return make_result().model_copy(update={"provenance": Provenance.DEVICE, "device": phone})


def summary(platform: str = "iOS", **changed: Any) -> dict[str, Any]:
    device = {"deviceName": "phone", "modelName": "iPhone 17 Pro Max", "platform": platform}
    return {
        "title": "Test - PicoHarness",
        "result": "Passed",
        "totalTestCount": 1,
        "passedTests": 1,
        "failedTests": 0,
        "skippedTests": 0,
        "devicesAndConfigurations": [{"device": {**device, "osVersion": "26.1"}}],
        "testFailures": [],
        **changed,
    }


class Xcode:
    """Puts the stand-in on the path and tells it what to answer."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.log = folder / "log.jsonl"
        for name in ("xcodebuild", "xcrun"):
            script = folder / name
            script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STAND_IN}" "$@"\n')
            script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        monkeypatch.setenv("STAND_IN", str(folder / "script.json"))
        monkeypatch.setenv(xctest.XCTESTRUN, "Pico.xctestrun")
        self.answer()

    def answer(self, **changed: Any) -> None:
        name = "pico-result_0_1F2E.json"
        script = {
            "exit": 0,
            "log": str(self.log),
            "summary": summary(),
            "attachments": {name: phone_result().model_dump_json(), "screen_1.png": "-"},
        }
        (self.folder / "script.json").write_text(json.dumps(script | changed))


@pytest.fixture
def xcode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Xcode:
    return Xcode(tmp_path, monkeypatch)


def request(level: int = 30) -> Request:
    return Request(Job(bundle=Path("pico-s.bundle"), level=level), ("coreml",))


def bench() -> Result:
    return xctest.bench(f"xctest:{UDID}", request())


def test_the_result_of_the_phone_comes_back_as_it_was_written(xcode: Xcode) -> None:
    result = bench()
    assert result == phone_result().model_copy(update={"target": "xctest"})
    first = json.loads(xcode.log.read_text().splitlines()[0])
    assert first["argv"][1:5] == [
        "test-without-building",
        "-xctestrun",
        "Pico.xctestrun",
        "-destination",
    ]
    assert f"platform=iOS,id={UDID}" in first["argv"]
    assert first["level"] == "30"


def test_a_simulator_is_never_a_device_whatever_its_result_says(xcode: Xcode) -> None:
    xcode.answer(summary=summary(platform="iOS Simulator"))
    result = bench()
    assert result.provenance is Provenance.SIMULATED
    assert result.device.emulator_markers == ("Xcode: phone is a simulator",)


def failing() -> dict[str, Any]:
    why = {"testName": "testTwelveMegapixels()", "failureText": "there is no pico.bundle"}
    return {
        "exit": 65,
        "summary": summary(result="Failed", passedTests=0, failedTests=1, testFailures=[why]),
    }


def other_symbols() -> dict[str, Any]:
    result = phone_result()
    hashes = Hashes(emitted_symbols_sha256="a" * 64, decoded_symbols_sha256="b" * 64)
    runs = (result.runs[0].model_copy(update={"hashes": hashes}),)
    return {
        "attachments": {"pico-result": result.model_copy(update={"runs": runs}).model_dump_json()}
    }


@pytest.mark.parametrize(
    "answer,error,words",
    [
        (failing(), TargetError, "there is no pico.bundle"),
        ({"exit": 70, "writes_bundle": False}, TargetError, "wrote no result bundle"),
        ({"summary": {"title": "?"}}, TargetError, "cannot be understood"),
        ({"attachments": {}}, TargetError, "attached 0 results"),
        ({"attachments": {"pico-result": "{}"}}, TargetError, "not of the schema: provenance"),
        (other_symbols(), VerificationError, "other symbols"),
    ],
    ids=["failed", "no-bundle", "summary", "no-attachment", "schema", "symbols"],
)
def test_what_goes_wrong_is_one_line(
    xcode: Xcode, answer: dict[str, Any], error: type[PicoError], words: str
) -> None:
    xcode.answer(**answer)
    with pytest.raises(error, match=words) as caught:
        bench()
    assert "\n" not in str(caught.value)


def test_without_xcode_it_says_so(xcode: Xcode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(xcode.folder / "nothing"))
    with pytest.raises(MissingDependencyError, match="Xcode 16"):
        bench()


def test_a_phone_and_a_test_must_be_named(xcode: Xcode, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="xctest:UDID"):
        xctest.bench("xctest", request())
    monkeypatch.delenv(xctest.XCTESTRUN)
    with pytest.raises(UsageError, match="build-for-testing"):
        bench()


def test_the_plan_runs_nothing(xcode: Xcode) -> None:
    (line,) = xctest.plan(f"xctest:{UDID}", request(level=12))
    assert "TEST_RUNNER_PICO_LEVEL=12" in line
    assert not xcode.log.exists()
