"""No budget and no fact of a profile without a source, and no verdict on another device."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from sample_results import make_result

from pico_deploy.cli.app import run
from pico_deploy.errors import InputError, UsageError
from pico_deploy.measure.result import Provenance, Result
from targets import profile
from targets.verdicts import find

NEEDED = {
    "iphone-17-pro-max",
    "iphone-16-pro",
    "iphone-13",
    "pixel-10",
    "galaxy-s25",
    "redmi-k80-pro",
    "snapdragon-780g",
    "chromium-laptop",
    "host",
}
GOOD = (profile.FOLDER / "iphone-17-pro-max.toml").read_text()


def test_all_profiles_are_there_and_valid() -> None:
    assert set(profile.names()) == NEEDED
    for name in profile.names():
        assert profile.load(name).device.name


def test_budgets_of_the_first_are_the_papers_and_claimed() -> None:
    paper = profile.load("iphone-17-pro-max")
    assert (paper.budgets.encode_milliseconds, paper.budgets.decode_milliseconds) == (230, 150)
    assert paper.source_of("budgets.encode_milliseconds").kind == "claimed"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"budgets.encode_milliseconds", ', "", "no source for budgets.encode_milliseconds"),
        ("[budgets]", "[budgets]\nbundle_bytes = 1", "no source for budgets.bundle_bytes"),
        ('covers = ["device.soc", "device.models"]', 'covers = ["device.models"]', "device.soc"),
        ('"device.soc",', '"device.soc", "device.weight",', "a source for device.weight"),
        ("decode_milliseconds = 150", "decode_ms = 150", r"budgets\.decode_ms"),
        ("= 150", "= -150", "greater than 0"),
        ('["ane", "gpu", "cpu"]', '["ane", "gpu"]', "must end with cpu"),
        ('"ane"', '"tpu"', "delegates"),
        ('kind = "claimed"', 'kind = "measured"', "kind"),
        ("[device]", "[device", "is not TOML"),
    ],
)
def test_profile_with_a_fact_that_nobody_vouches_for_or_nobody_knows_is_refused(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    path = tmp_path / "p.toml"
    path.write_text(GOOD)
    assert profile.read(path)
    assert old in GOOD
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(InputError, match=words):
        profile.read(path)


def measured_on(model: str, provenance: Provenance = Provenance.DEVICE) -> Result:
    evidence = ["SoC"] if provenance is Provenance.DEVICE else []
    result = make_result(provenance, evidence)
    return result.model_copy(update={"device": result.device.model_copy(update={"model": model})})


def test_budgets_of_a_profile_judge_that_device_and_no_other() -> None:
    limits = find("iphone-17-pro-max")
    assert {v.outcome for v in limits.judge(measured_on("iPhone18,2"))} == {"within"}
    others = limits.judge(measured_on("iPhone17,1"))
    assert {v.outcome for v in others} == {"another device than the budget's"}
    assert not any(v.passed for v in others)
    unproved = limits.judge(measured_on("iPhone18,2", Provenance.EMULATED))
    assert {v.outcome for v in unproved} == {"not a device measurement"}


def test_budget_may_be_a_profile_a_profiles_file_or_a_table_of_budgets(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(GOOD)
    (tmp_path / "bare.toml").write_text("[budgets]\ndecode_milliseconds = 150\n")
    assert find(str(tmp_path / "own.toml")) == find("iphone-17-pro-max")
    assert find(str(tmp_path / "bare.toml")).profile is None


def test_profile_without_budgets_judges_nothing_and_says_so() -> None:
    with pytest.raises(InputError, match="pixel-10 has no budgets"):
        find("pixel-10")
    with pytest.raises(UsageError, match="choose from chromium-laptop"):
        find("nokia-3310")
    with pytest.raises(InputError, match=re.escape("absent.toml")):
        find("absent.toml")


@pytest.mark.parametrize(
    ("model", "name"),
    [("iPhone18,2", "iphone-17-pro-max"), ("SM-S931B", "galaxy-s25"), ("SM-S938B", None)],
)
def test_device_is_recognised_by_its_model(model: str, name: str | None) -> None:
    assert profile.matching(measured_on(model).device) == name


def test_devices_lists_profiles_with_budgets_and_their_kind_of_source(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["devices", "--profiles"]) == 0
    told = capsys.readouterr().out
    assert "encode 230 ms (claimed), decode 150 ms (claimed)" in " ".join(told.split())
    assert run(["devices", "--profiles", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)["profiles"]) == NEEDED


def test_devices_lists_what_is_there_and_why_the_rest_is_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("ADBUTILS_ADB_PATH", "/nonexistent/adb")  # adbutils brings one of its own
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "1")
    assert run(["devices", "--json"]) == 0
    found = {entry["target"]: entry for entry in json.loads(capsys.readouterr().out)["targets"]}
    assert found["host"]["address"] == "host" and found["local"]["address"] == "local"
    assert found["emulated"]["address"] == "" and found["emulated"]["problem"]
    assert "adb is not installed" in found["adb"]["problem"]
    assert "Xcode" in found["xctest"]["problem"]
