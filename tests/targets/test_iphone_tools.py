"""devicectl in both layouts and go-ios: what they say is understood, and every refusal has a
type. The tools are stand-ins; no iPhone has been reached.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pico_deploy.errors import MissingDependencyError, UsageError
from pico_deploy.measure.result import Provenance
from targets import devicectl, go_ios, registry, xctest
from targets.devicectl_json import devices, result_of
from targets.errors import (
    DeviceFullError,
    DisconnectedError,
    NoSuchDeviceError,
    TargetError,
    TargetTimeoutError,
    UnauthorisedError,
    UnsupportedError,
)
from targets.identify import Seen, identify

if TYPE_CHECKING:
    from conftest import Iphone

UDID = "00008110-0000000000000001"
RECORDED = Path(__file__).parent / "recorded"


@pytest.mark.parametrize(
    ("version", "model", "os_version", "build"),
    [(2, "iPhone14,5", "17.0.1", "21A329"), (5, "iPhone18,2", "27.0", "24A100")],
)
def test_both_layouts_give_the_same_facts_and_new_ones_win_over_stale_ones(
    iphone: Iphone, version: int, model: str, os_version: str, build: str
) -> None:
    iphone.answer(version=version)
    with devicectl.open_devicectl(UDID) as phone:
        info = phone.info()
    assert (info.model, info.os_version, info.os_build) == (model, os_version, build)
    assert info.architecture == "arm64e"
    assert identify(info, Seen(model, simulator=False)).provenance is Provenance.DEVICE
    assert identify(info, Seen("arm64", simulator=False)).provenance is Provenance.EMULATED


@pytest.mark.parametrize(("version", "count"), [(2, 1), (5, 1)])
def test_simulators_and_watches_in_the_list_are_no_iphones(version: int, count: int) -> None:
    document = json.loads((RECORDED / f"devicectl-list-v{version}.json").read_text())
    assert len(devices(result_of(document, "x"))) == count


def test_only_iphone_is_found_by_itself(iphone: Iphone) -> None:
    assert devicectl.connected() == ["devicectl:00008150-0000000000000002"]
    assert xctest.connected() == ["xctest:00008150-0000000000000002"]
    assert go_ios.connected() == [f"go-ios:{UDID}"]
    with registry.open_transport("devicectl") as phone, registry.open_transport("go-ios") as other:
        assert phone.address == "devicectl:00008150-0000000000000002"
        assert other.address == f"go-ios:{UDID}"


def test_iphone_reached_by_go_ios_is_never_called_a_device(iphone: Iphone) -> None:
    with go_ios.open_go_ios(UDID) as phone:
        found = identify(phone.info(), Seen("iPhone14,5", simulator=False))
    assert found.provenance is Provenance.EMULATED
    assert "reality" in found.missing[0]


@pytest.mark.parametrize(
    ("code", "description", "reason", "kind"),
    [
        (1000, "The specified device was not found. (Name: x)", "", NoSuchDeviceError),
        (10002, "The application failed to launch.", "Locked", UnauthorisedError),
        (1, "Developer Mode is disabled", "", UnauthorisedError),
        (7000, "The operation failed", "No space left on device", DeviceFullError),
        (4, "The tunnel connection failed while the system tried", "", DisconnectedError),
        (1001, 'The capability "X" is not supported by this device.', "", UnsupportedError),
        (3002, "Failed to install the app on the device.", "Info.plist missing", TargetError),
    ],
)
def test_refusal_of_devicectl_has_a_type_and_its_own_words(
    iphone: Iphone, code: int, description: str, reason: str, kind: type[TargetError]
) -> None:
    iphone.answer(error=[code, description.replace('"', "'"), reason])
    with pytest.raises(TargetError) as caught:
        devicectl.open_devicectl(UDID)
    assert type(caught.value) is kind
    assert description.split('"')[0] in str(caught.value) and str(code) in str(caught.value)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("Device 'x' not found. Is it attached to the machine?", NoSuchDeviceError),
        ("could not retrieve PairRecord", UnauthorisedError),
        ("no tunnel info found", DisconnectedError),
        ("something new", TargetError),
    ],
)
def test_refusal_of_go_ios_has_a_type_and_its_own_words(
    iphone: Iphone, reason: str, kind: type[TargetError]
) -> None:
    iphone.answer(error=[0, reason, ""])
    with pytest.raises(TargetError) as caught:
        go_ios.open_go_ios(UDID)
    assert type(caught.value) is kind
    assert reason in str(caught.value)


def test_envelope_without_a_reason_or_without_json_is_an_error(iphone: Iphone) -> None:
    with pytest.raises(TargetError, match="gave no reason"):
        result_of({"info": {"outcome": "failed"}}, "devicectl:x")
    with pytest.raises(TargetError, match="gave no reason"):
        result_of({}, "devicectl:x")
    (iphone.folder.parent / "bin" / "xcrun").write_text("#!/bin/sh\necho damaged >&2; exit 1\n")
    with pytest.raises(TargetError, match="wrote no JSON: damaged"):
        devicectl.open_devicectl(UDID)


@pytest.mark.parametrize("address", [f"devicectl:{UDID}", f"go-ios:{UDID}"])
def test_app_that_does_not_end_is_a_timeout(iphone: Iphone, address: str) -> None:
    with registry.open_transport(address) as phone:
        iphone.answer(hangs=True)
        with pytest.raises(TargetTimeoutError, match="is the device awake"):
            phone.run(["org.pico-deploy.PicoHarness"], timeout_s=0.5)


@pytest.mark.parametrize(("name", "remedy"), [("devicectl", "Xcode"), ("go-ios", "npm install")])
def test_tool_that_is_not_installed_is_named_with_where_to_get_it(
    name: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingDependencyError, match=remedy):
        registry.open_transport(f"{name}:{UDID}")
    with pytest.raises(MissingDependencyError, match=remedy):
        registry.connected(name)


def test_environment_reaches_the_app_as_json(iphone: Iphone) -> None:
    with devicectl.open_devicectl(UDID) as phone:
        phone.run(["org.pico-deploy.PicoHarness", "--x"], env={"PICO_LEVEL": "a 'b'"})
    call = iphone.calls()[-1]
    assert json.loads(call[call.index("--environment-variables") + 1]) == {"PICO_LEVEL": "a 'b'"}
    assert call[-2:] == ["org.pico-deploy.PicoHarness", "--x"]


def test_target_that_measures_nothing_names_those_that_do() -> None:
    with pytest.raises(
        UsageError, match=r"these measure: host, local, emulated, adb, adb-app, xctest"
    ):
        registry.plan("devicectl:x", None)  # type: ignore[arg-type]
