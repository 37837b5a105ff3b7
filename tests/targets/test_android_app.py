"""The Android harness from here: what is pushed and started, what comes back, who judges it.

The phone is the tests' own behind the real adb; the app is played by ``am_stand_in.py``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adbd import Adbd, Phone
from phones import PHONE_CPUINFO, PHONE_PROPERTIES
from PIL import Image
from sample_results import make_result

from pico_deploy.bundle.read import open_bundle
from pico_deploy.errors import PicoError, UsageError, VerificationError
from pico_deploy.measure import identity
from pico_deploy.measure.protocol import Job
from pico_deploy.measure.result import Hashes, Provenance, Result
from targets import android_app, registry
from targets.errors import TargetError, TargetTimeoutError
from targets.registry import Request

STAND_IN = Path(__file__).with_name("am_stand_in.py")
SEEN = {"machine": "aarch64", "arm_midr": 0x411FD801}
SYMBOLS = Hashes(emitted_symbols_sha256="a" * 64, decoded_symbols_sha256="a" * 64)


class App:
    """Puts the stand-in on the test phone and tells it what to leave."""

    def __init__(self, folder: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.bundle = folder, bundle
        self.log = folder / "call.json"
        programs = folder / "bin"
        programs.mkdir()
        script = programs / "am"
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STAND_IN}" "$@"\n')
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        monkeypatch.setenv("STAND_IN", str(folder / "script.json"))
        monkeypatch.setattr(android_app, "POLL_S", 0.05)
        # The test phone's shell knows one folder by its own name.
        monkeypatch.setattr(android_app, "FILES", "/data/local/tmp/files")
        self.answer()

    def result(self, **changed: Any) -> Result:
        with open_bundle(self.bundle) as opened:
            measured = identity.bundle(opened)
        run = make_result().runs[0].model_copy(update={"hashes": SYMBOLS})
        update = {
            "provenance": Provenance.CLAIMED,
            "bundle": measured,
            "runs": (run,),
            "notes": (android_app.CLAIM, "thermal headroom before: 0.4 of 1"),
        }
        return make_result().model_copy(update=update | changed)

    def answer(self, leaves: dict[str, str] | None = None, **changed: Any) -> None:
        found = {"result.json": self.result().model_dump_json(), "seen.json": json.dumps(SEEN)}
        script = {
            "files": str(self.folder / "phone/data/local/tmp/files"),
            "log": str(self.log),
            "installed": True,
            "token": None,
            "leaves": found if leaves is None else leaves,
        }
        (self.folder / "script.json").write_text(json.dumps(script | changed))

    def call(self) -> dict[str, Any]:
        call: dict[str, Any] = json.loads(self.log.read_text())
        return call


@pytest.fixture
def app(tmp_path: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    return App(tmp_path, tiny_bundle, monkeypatch)


@pytest.fixture
def phone(app: App, adbd: Adbd) -> Adbd:
    """The test phone, started after the stand-in, whose ``am`` it then finds."""
    return adbd


def request(app: App, **changed: Any) -> Request:
    photo = app.folder / "photo.png"
    Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(photo)
    return Request(Job(bundle=app.bundle, level=30, photo=photo), ("onnx",), **changed)


def bench(app: App, phone: Adbd, **changed: Any) -> Result:
    return registry.bench(f"adb-app:{phone.serial}", request(app, **changed))


def test_the_bundle_goes_to_the_phone_and_its_result_comes_back(app: App, phone: Adbd) -> None:
    result = bench(app, phone)
    assert result.runs == app.result().runs
    assert result.target == "adb-app"
    call = app.call()
    assert call["component"] == "org.picodeploy.harness/org.picodeploy.app.BenchActivity"
    assert call["extras"]["runtime"] == "onnx"
    assert call["extras"]["level"] == "30"
    with open_bundle(app.bundle) as opened:
        names = sorted(f"pico.bundle/{name}" for name in (*opened.manifest.files, "manifest.json"))
    assert call["pushed"] == ["photo.rgb", *names]
    assert call["extras"]["photo_name"] == "photo.png"
    assert call["extras"]["size"] == "40x30"
    assert list((phone.root / "data/local/tmp/files").iterdir()) == []  # nothing is left there


def test_what_the_app_claims_is_judged_by_what_the_phone_says(app: App, phone: Adbd) -> None:
    result = bench(app, phone)
    assert result.provenance is Provenance.EMULATED
    assert any("qemu" in marker for marker in result.device.emulator_markers)
    assert android_app.CLAIM not in result.notes
    assert "thermal headroom before: 0.4 of 1" in result.notes


def real(phone: Adbd) -> Adbd:
    """The same phone with properties of a real one."""
    answers = {**phone.phone.answers, "cat /proc/cpuinfo": PHONE_CPUINFO}
    phone.phone = Phone(dict(PHONE_PROPERTIES), answers)
    return phone


def test_a_device_needs_the_register_that_the_app_read(app: App, phone: Adbd) -> None:
    found = {"result.json": app.result().model_dump_json()}
    real(phone)
    midr = 0x410FD801 & ~0xFFF0 | 0xD80 << 4
    app.answer({**found, "seen.json": json.dumps({**SEEN, "arm_midr": midr})})
    assert bench(app, phone).provenance is Provenance.DEVICE
    app.answer({**found, "seen.json": json.dumps({"machine": "aarch64"})})
    assert bench(app, phone).provenance is Provenance.EMULATED
    app.answer({**found, "seen.json": json.dumps({**SEEN, "arm_midr": 0x410FD0C0})})
    assert bench(app, phone).provenance is Provenance.EMULATED


def test_the_apps_own_reason_is_the_error(app: App, phone: Adbd) -> None:
    app.answer({"error.json": json.dumps({"code": "bundle", "message": "entropy.bin is missing"})})
    with pytest.raises(TargetError, match=r"failed with bundle: entropy\.bin is missing"):
        bench(app, phone)


def test_an_app_that_is_not_installed_is_said(app: App, phone: Adbd) -> None:
    app.answer(installed=False)
    with pytest.raises(
        TargetError, match=r"did not start org\.picodeploy\.harness/.*does not exist"
    ):
        bench(app, phone)


def test_an_end_of_another_run_is_not_taken_for_this_one(app: App, phone: Adbd) -> None:
    app.answer(token="of another run")
    with pytest.raises(TargetError, match="of another run"):
        bench(app, phone)


def test_an_app_that_never_ends_is_given_up(
    app: App, phone: Adbd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(android_app, "TIMEOUT_S", 0.0)
    with pytest.raises(TargetTimeoutError, match="did not end in 0 s"):
        bench(app, phone)


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        ({"runs": ()}, None, ""),
        ({"bundle": make_result().bundle}, TargetError, "measured another bundle"),
        (
            {
                "runs": tuple(
                    run.model_copy(
                        update={
                            "hashes": SYMBOLS.model_copy(
                                update={"decoded_symbols_sha256": "b" * 64}
                            )
                        }
                    )
                    for run in make_result().runs
                )
            },
            VerificationError,
            "decoded other symbols",
        ),
    ],
    ids=["control: nothing wrong", "another bundle", "other symbols"],
)
def test_a_result_of_something_else_is_refused(
    app: App,
    phone: Adbd,
    changed: dict[str, Any],
    error: type[PicoError] | None,
    says: str,
) -> None:
    text = app.result(**changed).model_dump_json()
    app.answer({"result.json": text, "seen.json": json.dumps(SEEN)})
    if error is None:
        bench(app, phone)
        return
    with pytest.raises(error, match=says):
        bench(app, phone)


def test_a_result_that_is_not_of_the_schema_is_refused(app: App, phone: Adbd) -> None:
    text = app.result().model_dump_json().replace('"tool"', '"tol"', 1)
    app.answer({"result.json": text, "seen.json": json.dumps(SEEN)})
    with pytest.raises(TargetError, match=r"result\.json is not of the schema: tool"):
        bench(app, phone)


def test_jobs_that_the_app_cannot_do_are_refused_before_anything_is_sent(app: App) -> None:
    with pytest.raises(UsageError, match="tflite, onnx"):
        registry.bench("adb-app:any", Request(Job(bundle=app.bundle, level=30), ("torch",)))


def test_the_plan_names_everything_and_touches_nothing(app: App) -> None:
    lines = registry.plan("adb-app:any", request(app, program=Path("app.apk")))
    assert lines[0] == "install on adb-app:any: app.apk"
    assert any("am start -S -W -n org.picodeploy.harness/" in line for line in lines)
    assert not app.log.exists()
