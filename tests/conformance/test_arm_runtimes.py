"""Real AArch64 runtimes under qemu: symbols exact, pixels within tolerance.

The test that runs them needs the files that ``python -m pico_deploy.conformance.arm_files`` makes
from some 250 MB of packages, and is skipped where they are not there yet.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pico_deploy.bundle import open_bundle
from pico_deploy.conformance import arm_files
from pico_deploy.conformance.images import TestImage, photo_like
from pico_deploy.conformance.side_by_side import EMULATED, more_runtimes
from pico_deploy.conformance.thresholds import thresholds
from pico_deploy.conformance.verify import Case, verify
from pico_deploy.errors import MissingDependencyError
from pico_deploy.runtime import registry

BUNDLE = Path(__file__).resolve().parents[2] / "conformance/model/bundle"


@pytest.mark.slow
def test_a_stream_from_either_cpu_decodes_on_the_other_with_onnx_runtime() -> None:
    try:
        arm_files.python("cortex-a76")
    except ImportError as error:
        pytest.skip(str(error))
    case = Case(TestImage("photo-like", photo_like(60, 70)), 40)
    with open_bundle(BUNDLE) as bundle, more_runtimes(bundle.manifest):
        found = verify(BUNDLE, [case], ("onnx", "onnx-arm64"), thresholds())
    assert found.encoders == found.decoders == ("onnx/fp32", "onnx-arm64/fp32")
    assert found.passed, found.failed[:1]
    assert {check.kind for check in found.checks if check.by == "onnx-arm64/fp32"} >= {"pixels"}


def test_emulated_runtimes_take_part_only_when_they_are_named() -> None:
    with open_bundle(BUNDLE) as bundle, more_runtimes(bundle.manifest) as names:
        assert not set(names) & set(EMULATED)
        assert "onnx-arm64" in registry.names()


def test_without_the_files_it_says_how_to_make_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(arm_files.shutil, "which", lambda tool: f"/usr/bin/{tool}")
    with (
        open_bundle(BUNDLE) as bundle,
        more_runtimes(bundle.manifest),
        pytest.raises(MissingDependencyError, match=r"pico_deploy\.conformance\.arm_files"),
    ):
        registry.create("onnx-arm64")


def test_without_qemu_it_names_qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(arm_files.shutil, "which", lambda tool: None)
    with pytest.raises(ImportError, match="qemu-aarch64-static is not installed"):
        arm_files.python("cortex-a53")
    with pytest.raises(MissingDependencyError, match="needs Debian with qemu"):
        arm_files.make()


def test_an_emulated_cpu_is_promised_no_features_it_lacks() -> None:
    """A library that reads asimddp where the CPU has none dies of an illegal instruction."""
    assert "asimddp" not in arm_files._cpuinfo("cortex-a53")
    assert "asimddp" in arm_files._cpuinfo("cortex-a76")
    assert arm_files._cpuinfo("cortex-a53").count("processor") == 2


def test_a_step_that_fails_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(arm_files.shutil, "which", lambda tool: f"/usr/bin/{tool}")

    def refuse(*command: str) -> None:
        raise arm_files.ArmFilesError(f"{command[0]} failed: no network")

    monkeypatch.setattr(arm_files, "_run", refuse)
    with pytest.raises(arm_files.ArmFilesError, match="apt-get failed: no network"):
        arm_files.make()
    assert list((tmp_path / "pico-deploy").iterdir()) == []
