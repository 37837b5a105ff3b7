"""A real codec small enough for tests: block means as latents, in ONNX and in NumPy.

Tile 128 = 120 + 2·4. ``y`` [12, 8, 8] holds the mean of each 8×8 block and colour, ``z`` [3, 2, 2]
that of each 64×64 block, both times a gain that grows with the level. No training, no torch; pixels
come back as flat 8×8 blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from pico_deploy.bundle import (
    Artefact,
    BundleWriter,
    Contents,
    Provenance,
    Tensor,
    float32_table,
    pixel_fingerprint,
)
from pico_deploy.bundle.manifest import PART_ROLES, PartName, Precision, Role
from pico_deploy.bundle.read import Bundle
from pico_deploy.entropy.model import EntropyModel, Geometry, Layer, ZTables
from pico_deploy.entropy.serialise import to_bytes
from pico_deploy.runtime.backend import BackendOptions, LoadReport

GEOMETRY = Geometry(
    payload=120, border=4, y_stride=16, z_stride=64, y_channels=12, z_channels=3, levels=11
)
ANCHOR_GAINS = np.array([8.0, 32.0, 100.0], np.float32)
WEIGHTS = {"gain": ANCHOR_GAINS}
SHAPES: dict[Role, tuple[int, ...]] = {
    "x": (1, 3, 128, 128),
    "anchors": (1, 3),
    "y_mask": (1, 1, 8, 8),
    "z_mask": (1, 1, 2, 2),
    "z": (1, 3, 2, 2),
    "y": (1, 12, 8, 8),
    "x_hat": (1, 3, 128, 128),
}


def anchor_table() -> NDArray[np.float32]:
    """Linear interpolation between three anchors."""
    position = np.linspace(0, 2, GEOMETRY.levels)
    return np.maximum(0, 1 - np.abs(position[:, None] - np.arange(3))).astype(np.float32)


def _table(sigma: float) -> NDArray[np.uint16]:
    """Laplacian over 0, -1, 1, … ±63 and the escape; the first entry takes what rounding leaves."""
    magnitude = (np.arange(127) + 1) // 2
    pmf = np.exp(-magnitude / sigma)
    table = np.maximum(1, np.floor(pmf / pmf.sum() * 3900)).astype(np.uint16)
    table = np.append(table, np.uint16(1))
    table[0] += 4096 - table.sum()
    return table


def entropy_model(shift_of_index: int = 0) -> EntropyModel:
    """Scale indices that depend on the level alone; ``shift_of_index`` makes another model."""
    sigmas = np.geomspace(0.3, 20.0, 16)
    gains = anchor_table() @ ANCHOR_GAINS
    index = np.abs(np.log(gains[:, None] / 5) - np.log(sigmas)).argmin(1) - shift_of_index
    outputs = GEOMETRY.y_channels * 16
    layer = Layer(
        kind="pointwise",
        weight=np.zeros((outputs, GEOMETRY.z_channels), np.int8),
        multiplier=np.ones(outputs, np.int32),
        shift=0,
        bias=np.repeat(index[:, None], outputs, 1).astype(np.int32),
        upsample="shuffle",
        factor=4,
    )
    z_tables = ZTables(
        rows=(np.full(64, 64, np.uint16),),  # uniform over ±31 and the escape
        anchor_of_level=np.zeros(GEOMETRY.levels, np.uint8),
        row=np.zeros((1, 1, GEOMETRY.z_channels), np.uint8),
    )
    return EntropyModel(
        geometry=GEOMETRY,
        layers=(layer,),
        fraction_bits=0,
        y_tables=tuple(map(_table, sigmas)),
        z_tables=z_tables,
    )


def _tensor(role: Role) -> Tensor:
    layout = "nc" if role == "anchors" else "nchw"
    return Tensor(role=role, name=role, layout=layout, dtype="float32", shape=SHAPES[role])


def _model(part: PartName, nodes: list[onnx.NodeProto], constants: dict[str, Any]) -> bytes:
    inputs, outputs = PART_ROLES[part]

    def described(role: Role) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(role, TensorProto.FLOAT, SHAPES[role])

    graph = helper.make_graph(
        nodes,
        part,
        [described(role) for role in inputs],
        [described(role) for role in outputs],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()],
    )
    opset = [helper.make_opsetid("", 20)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=10)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _symbols(mean: str, limit: str, mask: str, output: str) -> list[onnx.NodeProto]:
    node = helper.make_node
    return [
        node("Sub", [mean, "half"], [f"{output}_centred"]),
        node("Mul", [f"{output}_centred", "gain"], [f"{output}_scaled"]),
        node("Add", [f"{output}_scaled", "half"], [f"{output}_up"]),
        node("Floor", [f"{output}_up"], [f"{output}_rounded"]),
        node("Clip", [f"{output}_rounded", f"minus_{limit}", limit], [f"{output}_clipped"]),
        node("Mul", [f"{output}_clipped", mask], [output]),
    ]


def _gain() -> list[onnx.NodeProto]:
    return [
        helper.make_node("MatMul", ["anchors", "gains"], ["gain_1x1"]),
        helper.make_node("Reshape", ["gain_1x1", "scalar"], ["gain"]),
    ]


_GAIN_CONSTANTS = {
    "gains": ANCHOR_GAINS[:, None],
    "scalar": np.array([1, 1, 1, 1]),
    "half": np.float32(0.5),
}


def onnx_analysis() -> bytes:
    """The analysis as an ONNX file."""
    node = helper.make_node
    nodes = [
        *_gain(),
        node("AveragePool", ["x"], ["means"], kernel_shape=[8, 8], strides=[8, 8]),
        node("SpaceToDepth", ["means"], ["y_mean"], blocksize=2),
        *_symbols("y_mean", "y_max", "y_mask", "y"),
        node("AveragePool", ["x"], ["z_mean"], kernel_shape=[64, 64], strides=[64, 64]),
        *_symbols("z_mean", "z_max", "z_mask", "z"),
    ]
    limits = {"y_max": np.float32(127), "z_max": np.float32(31)}
    negative = {f"minus_{k}": -v for k, v in limits.items()}
    return _model("analysis", nodes, _GAIN_CONSTANTS | limits | negative)


def onnx_synthesis() -> bytes:
    """The synthesis as an ONNX file. ``z`` adds nothing, but is read."""
    node = helper.make_node
    nodes = [
        *_gain(),
        node("ReduceSum", ["z"], ["z_sum"], keepdims=1),
        node("Mul", ["z_sum", "zero"], ["nothing"]),
        node("Div", ["y", "gain"], ["y_centred"]),
        node("Add", ["y_centred", "half"], ["y_mean"]),
        node("DepthToSpace", ["y_mean"], ["means"], blocksize=2, mode="DCR"),
        node("Resize", ["means", "", "factors"], ["blocks"], mode="nearest"),
        node("Add", ["blocks", "nothing"], ["pixels"]),
        node("Clip", ["pixels", "zero", "one"], ["x_hat"]),
    ]
    factors = np.array([1, 1, 8, 8], np.float32)
    more = {"factors": factors, "zero": np.float32(0), "one": np.float32(1)}
    return _model("synthesis", nodes, _GAIN_CONSTANTS | more)


def contents(
    artefacts: tuple[Artefact, ...], model_version: str = "1", codec: str = "tiny"
) -> Contents:
    """What the tiny codec's manifest states."""
    return Contents(
        codec=codec,
        model_version=model_version,
        geometry=GEOMETRY,
        anchor_table=float32_table(anchor_table()),
        pixel_fingerprint=pixel_fingerprint(WEIGHTS).hex(),
        artefacts=artefacts,
        provenance=Provenance(packages={"onnx": onnx.__version__}),
    )


def write_tiny_bundle(
    path: Path, *, codec: str = "tiny", model_version: str = "1", shift_of_index: int = 0
) -> Path:
    """Write the tiny codec's bundle; ``shift_of_index`` other than 0 gives another entropy
    model.
    """
    files = {"analysis": onnx_analysis(), "synthesis": onnx_synthesis()}
    artefacts = []
    with BundleWriter(path) as writer:
        (writer.folder / "onnx").mkdir()
        for part, (inputs, outputs) in PART_ROLES.items():
            (writer.folder / f"onnx/{part}.onnx").write_bytes(files[part])
            artefacts.append(
                Artefact(
                    runtime="onnx",
                    part=part,
                    precision="fp32",
                    path=f"onnx/{part}.onnx",
                    inputs=tuple(map(_tensor, inputs)),
                    outputs=tuple(map(_tensor, outputs)),
                )
            )
        (writer.folder / "entropy.bin").write_bytes(to_bytes(entropy_model(shift_of_index)))
        writer.seal(contents(tuple(artefacts), model_version, codec))
    return path


class NumpyPart:
    """The tiny codec's arithmetic in NumPy. ``calls`` counts runs."""

    def __init__(self, part: PartName) -> None:
        self.part = part
        self.inputs: Mapping[Role, Tensor] = {role: _tensor(role) for role in PART_ROLES[part][0]}
        self.report = LoadReport("numpy", "numpy", np.__version__, "fp32", 1, 0, True)
        self.calls = 0

    def __call__(self, inputs: Mapping[Role, NDArray[Any]]) -> dict[Role, NDArray[Any]]:
        self.calls += 1
        gain = np.float32(inputs["anchors"] @ ANCHOR_GAINS)[0]
        if self.part == "synthesis":
            means = _grid_to_space(inputs["y"] / gain + np.float32(0.5))
            return {"x_hat": np.clip(means.repeat(8, 2).repeat(8, 3), 0, 1)}
        x = inputs["x"]
        y = _space_to_grid(_block_means(x, 8))
        return {
            "z": _quantised(_block_means(x, 64), gain, 31) * inputs["z_mask"],
            "y": _quantised(y, gain, 127) * inputs["y_mask"],
        }


class NumpyBackend:
    """A backend as another package might add it."""

    def __init__(self, options: BackendOptions) -> None:
        pass

    def load(self, bundle: Bundle, part: PartName, precision: Precision | None) -> NumpyPart:
        return NumpyPart(part)


def _block_means(x: NDArray[Any], side: int) -> NDArray[Any]:
    n, c, h, w = x.shape
    return x.reshape(n, c, h // side, side, w // side, side).mean((3, 5), dtype=np.float32)


def _quantised(mean: NDArray[Any], gain: np.float32, limit: int) -> NDArray[Any]:
    scaled = (mean - np.float32(0.5)) * gain
    return np.clip(np.floor(scaled + np.float32(0.5)), -limit, limit)


def _space_to_grid(x: NDArray[Any]) -> NDArray[Any]:
    n, c, h, w = x.shape
    cells = x.reshape(n, c, h // 2, 2, w // 2, 2).transpose(0, 3, 5, 1, 2, 4)
    return cells.reshape(n, 4 * c, h // 2, w // 2)


def _grid_to_space(x: NDArray[Any]) -> NDArray[Any]:
    n, c, h, w = x.shape
    cells = x.reshape(n, 2, 2, c // 4, h, w).transpose(0, 3, 4, 1, 5, 2)
    return cells.reshape(n, c // 4, 2 * h, 2 * w)


def flat_blocks(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """A picture the codec likes: constant 8×8 blocks (as the tile grid cuts them) plus a ramp."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 216, (height // 40 + 1, width // 40 + 1, 3))
    picture = coarse.repeat(40, 0).repeat(40, 1)[:height, :width]
    ramp = np.linspace(-30, 30, width)[None, :, None]
    return np.clip(picture + ramp, 0, 255).astype(np.uint8)
