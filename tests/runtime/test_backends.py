"""The backends: chosen by name, loaded with a report, refused with a reason."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_codec import flat_blocks

from pico_deploy.bundle import open_bundle
from pico_deploy.bundle.manifest import Quantisation, Tensor
from pico_deploy.errors import BundleError, MissingDependencyError, UsageError
from pico_deploy.runtime import registry
from pico_deploy.runtime.backend import canonical, parse_precision, stored
from pico_deploy.runtime.session import Session


def test_runtime_that_does_not_exist_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="choose from onnx, tflite, torch"):
        registry.create("tensorrt")


@pytest.mark.parametrize(
    "name,modules",
    [
        ("onnx", ["onnxruntime"]),
        ("tflite", ["ai_edge_litert.interpreter", "tensorflow.lite", "tflite_runtime.interpreter"]),
    ],
)
def test_runtime_that_is_not_installed_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, name: str, modules: list[str]
) -> None:
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDependencyError, match="pip install"):
        registry.create(name)


def test_precision_by_name() -> None:
    assert parse_precision(None) is None
    assert parse_precision("fp16") == "fp16"
    with pytest.raises(UsageError, match="fp32, fp16, int8"):
        parse_precision("bf16")


def test_load_reports_who_runs_it_and_that_only_the_first_load_is_cold(session: Session) -> None:
    session.load("synthesis", "onnx")
    report = session.load("synthesis", "onnx").report
    assert (report.runtime, report.library, report.precision) == ("onnx", "onnxruntime", "fp32")
    assert report.version.count(".") >= 2
    assert not report.cold
    assert report.import_ns == 0 < report.load_ns


def test_artefact_the_runtime_cannot_load_is_a_bundle_error(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(tiny_bundle, tmp_path / "copy.bundle"))
    with open_bundle(copy) as bundle:
        analysis, synthesis = bundle.manifest.artefacts
        swapped = analysis.model_copy(update={"path": "entropy.bin"})
        renamed = synthesis.model_copy(
            update={"inputs": (synthesis.inputs[0].model_copy(update={"name": "gone"}),)}
        )
        update = {"artefacts": (swapped, renamed)}
        bundle.manifest = bundle.manifest.model_copy(update=update)
        backend = registry.create("onnx")
        with pytest.raises(BundleError, match="does not load in onnxruntime") as caught:
            backend.load(bundle, "analysis", None)
        assert "\n" not in str(caught.value)
        with pytest.raises(BundleError, match=r"has no tensor \['gone'\]"):
            backend.load(bundle, "synthesis", None)


@pytest.mark.parametrize("layout,shape", [("nchw", (1, 3, 4, 6)), ("nhwc", (1, 4, 6, 3))])
@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "uint8"])
def test_stored_and_canonical_are_inverse(layout: str, shape: tuple[int, ...], dtype: str) -> None:
    zero_point = -128 if dtype == "int8" else 0
    quantisation = Quantisation(scale=1 / 255, zero_point=zero_point) if "int" in dtype else None
    tensor = Tensor.model_validate(
        {
            "role": "x_hat",
            "name": "x_hat",
            "layout": layout,
            "dtype": dtype,
            "shape": shape,
            "quantisation": quantisation,
        }
    )
    pixels = np.random.default_rng(0).integers(0, 256, (1, 3, 4, 6)).astype(np.float32)
    real = pixels / np.float32(255)
    array = stored(real, tensor)
    assert (array.dtype, array.shape) == (np.dtype(dtype), shape)
    assert np.array_equal(np.rint(canonical(array, tensor) * 255.0), pixels)


def test_symbols_are_never_scaled() -> None:
    tensor = Tensor(
        role="y",
        name="y",
        layout="nhwc",
        dtype="int8",
        shape=(1, 2, 2, 3),
        quantisation=Quantisation(scale=1.0, zero_point=0),
    )
    symbols = np.arange(-6, 6, dtype=np.float32).reshape(1, 3, 2, 2)
    array = stored(symbols, tensor)
    assert array.dtype == np.int8
    assert np.array_equal(canonical(array, tensor), symbols)


def test_backend_of_another_package_is_found_by_name(session: Session, numpy_backend: str) -> None:
    part = session.load("analysis", numpy_backend)
    assert part.report.library == "numpy"
    assert flat_blocks(3, 3).shape == (3, 3, 3)
