"""The Core ML checker: right where it answers, an error where it cannot."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_pico import PicoArtefacts

from converters.mil import MilProgram
from converters.mil_ops import OPERATIONS
from converters.parity import masks
from converters.runners import Arrays, torch_runner
from converters.tiles import load_tiles, to_input
from pico_deploy.errors import ConversionError


@pytest.fixture
def package(pico: PicoArtefacts, tmp_path: Path) -> Path:
    """A copy of the analysis package, to be altered."""
    copy = tmp_path / "analysis.mlpackage"
    shutil.copytree(pico.folder / "coreml/analysis.mlpackage", copy)
    return copy


def given(pico: PicoArtefacts) -> Arrays:
    geometry = pico.codec.geometry
    return {
        "x": to_input(load_tiles(geometry.tile)[1]),
        "anchors": pico.codec.anchor_table[20][None],
        **masks(geometry, void=False),
    }


def alter(package: Path, change: Callable[[Any], None]) -> None:
    """Edit the operations of a package's main function."""
    from coremltools.proto import Model_pb2

    path = package / "Data/com.apple.CoreML/model.mlmodel"
    model = Model_pb2.Model()
    model.ParseFromString(path.read_bytes())
    function = model.mlProgram.functions["main"]
    change(function.block_specializations[function.opset].operations)
    path.write_bytes(model.SerializeToString(deterministic=True))


def test_float32_arithmetic_agrees_with_pytorch(pico: PicoArtefacts, package: Path) -> None:
    expected = torch_runner(pico.parts.analysis, "analysis")(given(pico))
    found = MilProgram(package, "fp32")(given(pico))
    for role in ("z", "y"):
        assert (found[role] != expected[role]).mean() < 0.02, (
            "weights are halves, arithmetic is not"
        )


def test_a_changed_weight_changes_the_result(pico: PicoArtefacts, package: Path) -> None:
    """The control of the test above."""
    expected = MilProgram(package, "fp32")(given(pico))
    weights = package / "Data/com.apple.CoreML/weights/weight.bin"
    data = np.fromfile(weights, np.float16)
    data[64:320] = 0.25  # inside the first blob, behind its header
    data.tofile(weights)
    found = MilProgram(package, "fp32")(given(pico))
    assert (found["y"] != expected["y"]).mean() > 0.05


def test_half_precision_rounds_every_result(package: Path, pico: PicoArtefacts) -> None:
    exact, rounded = (MilProgram(package, a)(given(pico)) for a in ("fp32", "fp16"))
    for values in rounded.values():
        np.testing.assert_array_equal(values, values.astype(np.float16).astype(np.float32))
    assert any((exact[role] != rounded[role]).any() for role in exact)


def test_an_operation_it_does_not_know_is_an_error_that_names_it(package: Path) -> None:
    def rename(operations: Any) -> None:
        next(o for o in operations if o.type == "relu").type = "gelu"

    alter(package, rename)
    with pytest.raises(ConversionError, match="gelu"):
        MilProgram(package)


def test_damaged_weights_are_an_error(package: Path) -> None:
    weights = package / "Data/com.apple.CoreML/weights/weight.bin"
    weights.write_bytes(bytes(weights.stat().st_size))
    with pytest.raises(ConversionError, match="damaged"):
        MilProgram(package)


def test_a_shape_that_does_not_follow_from_the_operation_is_an_error(
    package: Path, pico: PicoArtefacts
) -> None:
    def shrink(operations: Any) -> None:
        result = next(o for o in operations if o.type == "relu").outputs[0]
        result.type.tensorType.dimensions[1].constant.size += 1

    alter(package, shrink)
    with pytest.raises(ConversionError, match="instead of"):
        MilProgram(package)(given(pico))


def test_an_input_of_another_shape_is_an_error(package: Path, pico: PicoArtefacts) -> None:
    wrong = {**given(pico), "x": np.zeros((1, 3, 64, 64), np.float32)}
    with pytest.raises(ConversionError, match="input x"):
        MilProgram(package)(wrong)


@pytest.mark.parametrize("output_padding", [0, 1])
def test_transposed_convolution_is_that_of_pytorch(output_padding: int) -> None:
    torch.manual_seed(0)
    layer = torch.nn.ConvTranspose2d(4, 3, 5, stride=2, padding=2, output_padding=output_padding)
    x = torch.randn(1, 4, 6, 7)
    with torch.no_grad():
        expected = layer(x)
        found = OPERATIONS["conv_transpose"](
            {
                "x": x,
                "weight": layer.weight,
                "bias": layer.bias,
                "strides": torch.tensor([2, 2]),
                "pad_type": "custom",
                "pad": torch.tensor([2, 2, 2, 2]),
                "output_shape": torch.tensor(expected.shape),
            }
        )
    assert isinstance(found, torch.Tensor)
    torch.testing.assert_close(found, expected)


def test_concatenation_can_interleave() -> None:
    parts = [torch.arange(4.0).view(1, 2, 1, 2) + 10 * k for k in range(3)]
    found = OPERATIONS["concat"]({"values": parts, "axis": 1, "interleave": True})
    assert isinstance(found, torch.Tensor)
    assert found[0, :, 0, 0].tolist() == [0, 10, 20, 2, 12, 22]


def test_padding_it_does_not_know_is_an_error() -> None:
    with pytest.raises(ConversionError, match="same_lower"):
        OPERATIONS["conv"]({"pad_type": "same_lower"})
