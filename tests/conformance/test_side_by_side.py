"""More runtimes and modes beside each other: who takes part, and how far apart their pixels are."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from pico_deploy.bundle import open_bundle
from pico_deploy.conformance.heat_map import heat_map, matrix, table, write_side_by_side
from pico_deploy.conformance.images import TestImage, photo_like
from pico_deploy.conformance.side_by_side import MODES, more_runtimes
from pico_deploy.conformance.thresholds import thresholds
from pico_deploy.conformance.verification import Agreement, Verification
from pico_deploy.conformance.verify import Case, verify
from pico_deploy.errors import MissingDependencyError, UsageError
from pico_deploy.runtime import registry
from pico_deploy.runtime.backend import BackendOptions

BUNDLE = Path(__file__).resolve().parents[2] / "conformance/model/bundle"
CASE = Case(TestImage("photo-like", photo_like(100, 130)), 40)


@pytest.fixture(scope="module")
def found() -> Verification:
    with open_bundle(BUNDLE) as bundle, more_runtimes(bundle.manifest) as names:
        return verify(BUNDLE, [CASE], names, thresholds(), BackendOptions(threads=1), pairwise=True)


def test_every_mode_of_the_bundles_artefacts_encodes_and_decodes(found: Verification) -> None:
    wanted = {name for name, mode in MODES.items() if mode.artefacts == "onnx"}
    refused = {skipped.what.partition(" on ")[2] for skipped in found.not_run}
    ran = {name.partition("/")[0] for name in found.decoders}
    assert wanted - ran <= refused
    assert {"onnx-unoptimised", "onnx-basic", "onnx-extended", "onnx-1-thread"} <= ran
    assert found.passed, found.failed[:1]


def test_modes_are_gone_after_the_block_and_those_without_artefacts_never_come() -> None:
    before = registry.names()
    with open_bundle(BUNDLE) as bundle, more_runtimes(bundle.manifest) as names:
        assert not {"tflite-built-in", "coreml-checker"} & set(names)
        assert "openvino" in names
    assert registry.names() == before


def test_every_pair_of_decoders_is_compared_once(found: Verification) -> None:
    count = len(found.decoders)
    assert len(found.agreement) == count * (count - 1) // 2
    psnr = matrix(found)
    assert len(psnr) == count * (count - 1)
    for (one, other), value in psnr.items():
        assert psnr[other, one] == value
        if "openvino-bf16" not in one + other:
            assert value is None or value > 60


def small(psnr: float | None) -> Verification:
    pair = Agreement(one="a/fp32", other="b/fp16", peak=1, psnr_db=psnr)
    return Verification(
        codec="x",
        manifest_sha256="",
        entropy_fingerprint="",
        thresholds_sha256="",
        reference="a/fp32",
        encoders=(),
        decoders=("a/fp32", "b/fp16"),
        implementations=(),
        streams=(),
        checks=(),
        not_run=(),
        agreement=(pair,),
    )


def test_table_shows_figures_and_equality() -> None:
    assert table(small(51.25)).splitlines()[2:] == [
        "| a/fp32 | – | 51.2 |",
        "| b/fp16 | 51.2 | – |",
    ]
    assert "| a/fp32 | – | = |" in table(small(None))


def test_files_are_written_and_a_lone_decoder_is_a_usage_error(tmp_path: Path) -> None:
    write_side_by_side(small(40.0), tmp_path / "side")
    assert sorted(p.name for p in (tmp_path / "side").iterdir()) == [
        "side-by-side.json",
        "side-by-side.md",
        "side-by-side.png",
    ]
    with pytest.raises(UsageError, match="not two decoders"):
        heat_map(small(40.0).model_copy(update={"agreement": ()}))


@pytest.fixture
def old_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Python whose ``tflite_runtime`` doubles its input: the protocol without the package."""
    package = tmp_path / "site/tflite_runtime"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('__version__ = "2.14.0"\n')
    (package / "interpreter.py").write_text(
        "class Interpreter:\n"
        "    def __init__(self, path, num_threads):\n"
        "        if open(path, 'rb').read() == b'broken': raise ValueError('not a model')\n"
        "        print('a line that must not reach the pipe')\n"
        "    def allocate_tensors(self): self.values = {}\n"
        "    def get_input_details(self): return [{'name': 'in', 'index': 0}]\n"
        "    def get_output_details(self): return [{'name': 'out', 'index': 1}]\n"
        "    def set_tensor(self, index, value): self.values[index] = value\n"
        "    def invoke(self): self.values[1] = 2 * self.values[0]\n"
        "    def get_tensor(self, index): return self.values[index]\n"
    )
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={package.parent} exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    monkeypatch.setenv("PICO_TFLITE_PYTHON", str(python))
    return python


def test_old_tflite_runs_in_a_python_of_its_own(old_python: Path) -> None:
    from types import SimpleNamespace
    from typing import Any, cast

    from pico_deploy.bundle.manifest import Tensor
    from pico_deploy.errors import BundleError
    from pico_deploy.runtime.backends.tflite_old import OldTfliteBackend

    def tensor(role: Any, name: str) -> Tensor:
        return Tensor(role=role, name=name, layout="nchw", dtype="float32", shape=(1, 1, 1, 2))

    artefact = SimpleNamespace(
        runtime="tflite",
        path="a.tflite",
        precision="fp32",
        inputs=(tensor("y", "in"),),
        outputs=(tensor("x_hat", "out"),),
    )

    def bundle(data: bytes) -> Any:
        return cast(
            Any, SimpleNamespace(path="b", artefact=lambda *_: artefact, read=lambda _: data)
        )

    backend = OldTfliteBackend(BackendOptions())
    part = backend.load(bundle(b"model"), "synthesis")
    assert part.report.version == "2.14.0"
    for value in (1, 2):
        array = np.full((1, 1, 1, 2), value, np.float32)
        assert np.array_equal(part({"y": array})["x_hat"], 2 * array)
    with pytest.raises(BundleError, match="not a model"):
        backend.load(bundle(b"broken"), "synthesis")


def test_old_tflite_is_missing_where_no_python_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PICO_TFLITE_PYTHON", raising=False)
    mode = "tflite-runtime-2.14"
    from pico_deploy.conformance.side_by_side import _factory

    registry.register(mode, _factory(MODES[mode]))
    try:
        with pytest.raises(MissingDependencyError, match="PICO_TFLITE_PYTHON"):
            registry.create(mode)
    finally:
        registry.unregister(mode)
