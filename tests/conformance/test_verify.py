"""Verification passes on a sound bundle and fails on each planted fault."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from float_indices import float_indices
from numpy.typing import NDArray
from tiny_codec import GEOMETRY, NumpyPart, flat_blocks

from pico_deploy import _core
from pico_deploy.bundle.manifest import PartName, Precision, Role
from pico_deploy.bundle.read import Bundle
from pico_deploy.conformance.images import TestImage, built_in
from pico_deploy.conformance.symbols import SymbolRecorder
from pico_deploy.conformance.thresholds import PixelTolerance, Thresholds, thresholds
from pico_deploy.conformance.verification import Verification
from pico_deploy.conformance.verify import Case, cases, verify
from pico_deploy.errors import BundleError, VerificationError
from pico_deploy.runtime import registry
from pico_deploy.runtime.backend import BackendOptions

CASES = [
    Case(TestImage("blocks", flat_blocks(130, 250)), 5),
    Case(TestImage("one-pixel", flat_blocks(1, 1)), 10),
]


def limits(peak: int = 1) -> Thresholds:
    tolerance = PixelTolerance(peak=peak, rms=0.5, psnr_db=50)
    return thresholds().model_copy(update={"pixels": {"fp32": tolerance}})


def run(
    bundle: Path, runtimes: tuple[str, ...] = ("onnx", "numpy"), **options: Any
) -> Verification:
    return verify(bundle, CASES, runtimes, limits(), **options)


@pytest.fixture
def planted() -> Iterator[type]:
    """Registers a NumPy backend whose outputs a test spoils."""

    class Spoilt:
        analysis: staticmethod = staticmethod(lambda outputs: outputs)
        synthesis: staticmethod = staticmethod(lambda outputs: outputs)

        def __init__(self, options: BackendOptions) -> None:
            pass

        def load(self, bundle: Bundle, part: PartName, precision: Precision | None) -> NumpyPart:
            class Part(NumpyPart):
                def __call__(self, inputs: Mapping[Role, NDArray[Any]]) -> dict[Role, NDArray[Any]]:
                    return getattr(Spoilt, part)(super().__call__(inputs))

            return Part(part)

    registry.register("spoilt", Spoilt)
    yield Spoilt
    registry.unregister("spoilt")


def test_sound_bundle_passes_for_every_pair_of_runtimes(
    tiny_bundle: Path, numpy_backend: str
) -> None:
    found = run(tiny_bundle)
    found.require()
    assert found.encoders == found.decoders == ("onnx/fp32", "numpy/fp32")
    pairs = {(c.encoder, c.by) for c in found.checks if c.kind == "pixels"}
    assert pairs == {("onnx/fp32", "numpy/fp32"), ("numpy/fp32", "numpy/fp32")}
    exact = {c.by for c in found.checks if c.kind == "symbols"}
    kernels = {f"core/{name}" for name, runs_here in _core.kernels().items() if runs_here}
    assert exact == kernels | {"numpy reference", "onnx/fp32", "numpy/fp32"}
    assert {c.by for c in found.checks if c.kind == "stream"} == kernels | {"numpy reference"}
    assert len(found.streams) == len(CASES) * 2


def test_touched_entropy_bin_fails(tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(tiny_bundle, tmp_path / "b"))
    data = bytearray((bundle / "entropy.bin").read_bytes())
    data[len(data) // 2] ^= 1
    (bundle / "entropy.bin").write_bytes(data)
    with pytest.raises(BundleError, match=r"entropy\.bin was altered"):
        run(bundle, ("onnx",))


def test_pixels_beyond_tolerance_fail_and_are_named(tiny_bundle: Path, planted: Any) -> None:
    def brighter(outputs: dict[Role, NDArray[Any]]) -> dict[Role, NDArray[Any]]:
        return {"x_hat": np.clip(outputs["x_hat"] + np.float32(3 / 255), 0, 1)}

    run(tiny_bundle, ("onnx", "spoilt")).require()
    planted.synthesis = staticmethod(brighter)
    found = run(tiny_bundle, ("onnx", "spoilt"))
    assert {c.kind for c in found.failed} == {"pixels"}
    assert {c.by for c in found.failed} == {"spoilt/fp32"}
    with pytest.raises(VerificationError, match="peak 3 over 1"):
        found.require()


def test_synthesis_that_gives_nan_fails(tiny_bundle: Path, planted: Any) -> None:
    planted.synthesis = staticmethod(lambda outputs: {"x_hat": outputs["x_hat"] * np.nan})
    with pytest.raises(VerificationError, match="not a number"):
        run(tiny_bundle, ("onnx", "spoilt"))


def test_index_path_through_a_float_tensor_fails_on_a_perturbation(
    tiny_bundle: Path, numpy_backend: str
) -> None:
    exact = run(tiny_bundle, extra=float_indices(0.0))
    assert exact.passed, "without a perturbation the float path is the same"
    found = run(tiny_bundle, extra=float_indices(0.6))
    assert {c.by for c in found.failed} == {"float indices"}
    assert {c.kind for c in found.failed} == {"symbols"}
    with pytest.raises(VerificationError, match="float indices"):
        found.require()


def test_symbol_that_changes_after_analysis_fails(
    tiny_bundle: Path, numpy_backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hash is kept outside the stream, so an encoder that alters a symbol is caught."""
    keep = SymbolRecorder.symbols
    emitted = iter([True])

    def lie(self: SymbolRecorder, tile: int, z: NDArray[Any], y: NDArray[Any]) -> None:
        if next(emitted, False):
            y = y.copy()
            y[0, 0, 0, 0] += 1 if y[0, 0, 0, 0] < GEOMETRY.y_max else -1
        keep(self, tile, z, y)

    monkeypatch.setattr(SymbolRecorder, "symbols", lie)
    found = run(tiny_bundle)
    assert {c.encoder for c in found.failed} == {"onnx/fp32"}
    assert all("y in tile 0" in str(c.difference) for c in found.failed if c.kind == "symbols")
    assert {c.by for c in found.failed if c.kind == "symbols"} >= {"core/scalar", "onnx/fp32"}


def test_what_was_not_run_is_said_and_nothing_run_is_no_pass(tiny_bundle: Path) -> None:
    found = run(tiny_bundle, ("tflite",))
    assert not found.passed
    with pytest.raises(VerificationError, match="nothing was checked"):
        found.require()
    reasons = {n.what: n.reason for n in found.not_run}
    assert reasons["analysis on onnx/fp32"] == "not asked for"
    assert reasons["synthesis on tflite"] == "the bundle holds no artefact for it"


def test_one_runtime_alone_passes_the_exact_tier_and_says_that_pixels_were_not_compared(
    tiny_bundle: Path,
) -> None:
    found = run(tiny_bundle, ("onnx",))
    found.require()
    reasons = {n.what: n.reason for n in found.not_run}
    assert reasons["comparison of pixels"] == "needs two decoders, found onnx/fp32"


def test_cases_cover_every_image_and_every_level() -> None:
    images = built_in()
    few = cases(images, [0, 10])
    assert [c.image.name for c in few] == [i.name for i in images]
    assert {c.level for c in few} == {0, 10}
    many = cases(images[:2], list(range(11)))
    assert {c.level for c in many} == set(range(11))
    assert cases([], [1]) == []
