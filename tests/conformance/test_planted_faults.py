"""Controls: faults that decoders really have, planted, and caught by the same harness.

The first two are in patched copies of the core, the others in decoders that exist only here. Each
has a twin without the fault, which passes, so it is the fault that is caught.
"""

from __future__ import annotations

import dataclasses
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pico_deploy.conformance.make_vectors.coding import coded, draw
from pico_deploy.conformance.make_vectors.conformance_set import named_models
from pico_deploy.conformance.make_vectors.recipe import NamedModel
from pico_deploy.conformance.make_vectors.write import write_set
from pico_deploy.conformance.matrix.execute import checkout_job, run_matrix
from pico_deploy.conformance.matrix.platforms import cells, missing
from pico_deploy.conformance.matrix.result import CellResult
from pico_deploy.conformance.vector import Expectation, Vector
from pico_deploy.conformance.vector_decoders import Encode, VectorDecoder, describe_reference
from pico_deploy.conformance.vector_run import judge
from pico_deploy.conformance.vector_set import VectorSet
from pico_deploy.entropy import gaussian, reference
from pico_deploy.entropy.model import EntropyModel
from pico_deploy.entropy.reference import stream as reference_stream
from pico_deploy.entropy.serialise import from_bytes, to_bytes

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "conformance" / "vectors"
NAMED = {cell.name: cell for cell in cells()}
Indices = Callable[[EntropyModel, NDArray[np.int8], int], NDArray[np.uint8]]


def verdict_on(name: str, vectors: Path, core: Path) -> CellResult:
    reason = missing(NAMED[name])
    if reason:
        pytest.skip(reason)
    job = dataclasses.replace(checkout_job(vectors, (name,)), core=core, cache=core / "cache")
    return run_matrix(job).cells[0]


def patched(tmp_path: Path, file: str, old: str, new: str) -> Path:
    core = Path(shutil.copytree(ROOT / "core", tmp_path / "core"))
    text = (core / file).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file} has changed: plant the fault anew"
    (core / file).write_text(text.replace(old, new), encoding="utf-8")
    return core


def test_a_word_read_in_the_machines_own_order_is_caught_on_s390x_and_only_there(
    few: Path, tmp_path: Path
) -> None:
    core = patched(
        tmp_path,
        "src/bytes.h",
        "return (uint16_t)(p[0] | (uint32_t)p[1] << 8);",
        "uint16_t v; __builtin_memcpy(&v, p, 2); return v;",
    )
    assert verdict_on("x86-64-v1 gcc -O0", few, core).verdict == "exact"
    found = verdict_on("s390x clang -O0", few, core)
    assert found.verdict == "differs"
    assert "of 4 vectors" in (found.reason or "")


def test_plain_char_in_arithmetic_is_caught_on_arm_and_only_there(
    few: Path, tmp_path: Path
) -> None:
    core = patched(
        tmp_path,
        "src/scalar/network_body.h",
        "weight[i]; /* |w * x|",
        "(char)weight[i]; /* |w * x|",
    )
    assert verdict_on("x86-64-v1 gcc -O0", few, core).verdict == "exact"
    found = verdict_on("arm64 gcc -O0", few, core)
    assert found.verdict == "differs"
    assert "indices" in (found.reason or "") or "stream-damaged" in (found.reason or "")


def differing(monkeypatch: pytest.MonkeyPatch, indices: Indices, names: str) -> list[str]:
    """Which vectors, of those that begin so, a decoder with another scale path gets wrong."""
    monkeypatch.setattr(reference_stream, "scale_indices", indices)
    monkeypatch.setattr(reference, "scale_indices", indices)
    decoder = VectorDecoder("another scale path", describe_reference, states_errors=False)
    vectors = VectorSet.open(FOLDER)
    chosen = [without_encoding(vectors.vector(n)) for n in vectors.names if n.startswith(names)]
    assert len(chosen) >= 3
    return [
        vector.name
        for vector in chosen
        if judge(
            vector,
            decoder,
            decoder.describe(vectors.model(vector), vectors.stream(vector), None),
        ).verdict
        == "differs"
    ]


def without_encoding(vector: Vector) -> Vector:
    """The decoding alone is what is judged here."""
    return vector.model_copy(update={"expect": vector.expect.model_copy(update={"encode": None})})


def in_float(dtype: type[np.floating]) -> Indices:
    """The integer network as an accelerator computes it: the same weights, sums and products in a
    float type, rounded where the integers are shifted; sums in at least single precision.
    """
    sum_type = np.result_type(dtype, np.float32)

    def indices(model: EntropyModel, z: NDArray[np.int8], level: int) -> NDArray[np.uint8]:
        x = z.astype(dtype)
        for number, layer in enumerate(model.layers):
            last = number == len(model.layers) - 1
            unit = 2.0**layer.shift
            scale = (layer.multiplier.astype(np.float64) / unit).astype(dtype)[:, None, None]
            bias = (layer.bias[level].astype(np.float64) / unit).astype(dtype)[:, None, None]
            acc = reference.network.sums(layer, x.astype(np.float64)).astype(sum_type)
            v = np.floor((acc * scale + bias).astype(dtype) + dtype(0.5))
            x = np.clip(v, 0, 255).astype(dtype)
            if last:
                steps = dtype(2.0**model.fraction_bits)
                top = (len(model.y_tables) - 1) * steps
                x = np.floor(np.clip(v, 0, top) / steps + dtype(0.5))
            x = reference.network.upsample(layer, x)
        return x.astype(np.uint8)

    return indices


def test_a_scale_path_in_float_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half precision is what accelerators of phones have. In double precision everything is exact,
    and it passes: what is caught is the rounding.
    """
    assert differing(monkeypatch, in_float(np.float64), "photo-anchor-") == []
    assert len(differing(monkeypatch, in_float(np.float16), "photo-anchor-")) >= 4


def int8_runtime(model: EntropyModel) -> Indices:
    """The linear scale decoder as ONNX Runtime runs it in INT8 (``QLinearConv``)."""
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    (layer,) = model.layers
    scale = layer.multiplier.astype(np.float64) * 2.0 ** -(layer.shift + model.fraction_bits)
    sessions = {}

    def session(level: int) -> object:
        if level in sessions:
            return sessions[level]
        bias = np.rint(layer.bias[level] / np.maximum(layer.multiplier, 1)).astype(np.int32)
        constants = {
            "x_scale": np.float32(1),
            "x_zero": np.uint8(128),
            "w": layer.weight[:, :, None, None],
            "w_scale": scale.astype(np.float32),
            "w_zero": np.zeros(layer.outputs, np.int8),
            "y_scale": np.float32(1),
            "y_zero": np.uint8(0),
            "b": bias,
        }
        arrays = [onnx.numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]
        node = onnx.helper.make_node("QLinearConv", ["x", *constants], ["y"])
        shape = (1, layer.inputs, None, None)
        graph = onnx.helper.make_graph(
            [node],
            "scale",
            [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.UINT8, shape)],
            [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.UINT8, None)],
            arrays,
        )
        opset = [onnx.helper.make_opsetid("", 13)]
        made = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8)
        sessions[level] = runtime.InferenceSession(
            made.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        return sessions[level]

    def indices(model: EntropyModel, z: NDArray[np.int8], level: int) -> NDArray[np.uint8]:
        (y,) = session(level).run(None, {"x": (z[None] + np.int16(128)).astype(np.uint8)})  # type: ignore[attr-defined]
        y = np.minimum(y[0], len(model.y_tables) - 1)
        return reference.network.upsample(layer, y.astype(np.int64)).astype(np.uint8)

    return indices


def test_int8_indices_of_a_general_runtime_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = VectorSet.open(FOLDER)
    vector = vectors.vector("shape-linear")
    model = from_bytes(vectors.model(vector))
    runtime = int8_runtime(model)
    z = np.random.RandomState(1).randint(-8, 9, (12, 2, 2)).astype(np.int8)
    apart = runtime(model, z, 35).astype(int) - reference.scale_indices(model, z, 35)
    assert 0 < np.abs(apart).max() <= 1, "the runtime computes the network, but not its integers"
    assert differing(monkeypatch, reference.network.scale_indices, "shape-linear") == []
    assert differing(monkeypatch, runtime, "shape-linear") != []


@pytest.fixture
def gaussian_set(tmp_path: Path) -> VectorSet:
    """Vectors of the conformance model with the tables of plain Gaussians, as they are exported."""
    conv = named_models(ROOT / "conformance" / "model")["conformance-conv"]
    tables = tuple(gaussian.gaussian_table(scale) for scale in SCALES)
    model = dataclasses.replace(conv.model, y_tables=tables)
    named = NamedModel("gaussian", model, to_bytes(model))
    draft = coded(named, "gaussian", "drawn from Gaussians", (), (120, 120), draw(7))
    write_set(tmp_path / "vectors", 1, {"gaussian": named.data}, [draft])
    return VectorSet.open(tmp_path / "vectors")


SCALES = [float(scale) for scale in gaussian.scales()]


class HalfPrecision:
    """``math`` as an accelerator has it."""

    sqrt = staticmethod(math.sqrt)

    @staticmethod
    def erfc(x: float) -> float:
        return float(np.float16(math.erfc(x)))


@pytest.mark.parametrize(("arithmetic", "verdict"), [(math, "exact"), (HalfPrecision, "differs")])
def test_tables_rebuilt_from_float_when_loaded_are_caught(
    arithmetic: object, verdict: str, gaussian_set: VectorSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gaussian, "math", arithmetic)

    def describe(entropy_bin: bytes, stream: bytes, encode: Encode) -> Expectation:
        model = from_bytes(entropy_bin)
        rebuilt = tuple(gaussian.gaussian_table(scale) for scale in SCALES)
        changed = dataclasses.replace(model, y_tables=rebuilt)
        forged = stream[:12] + reference.file.fingerprint(to_bytes(changed)) + stream[28:]
        return describe_reference(to_bytes(changed), reseal(forged), encode)

    decoder = VectorDecoder("tables from float", describe, states_errors=False)
    vector = gaussian_set.vector("gaussian")
    found = decoder.describe(gaussian_set.model(vector), gaussian_set.stream(vector), None)
    assert judge(without_encoding(vector), decoder, found).verdict == verdict


def reseal(data: bytes) -> bytes:
    """The decoder trusts its own model, whatever the fingerprint says."""
    from pico_deploy.conformance.make_vectors.forge import FileParts

    return FileParts.of(data).to_bytes()
