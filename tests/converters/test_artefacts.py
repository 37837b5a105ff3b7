"""Every artefact computes what PyTorch computes, says what it takes, and holds nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from small_pico import PicoArtefacts

from converters import int8
from converters.coreml import convert_coreml
from converters.export import export_part, part_module, part_shapes
from converters.parity import masks
from converters.quiet import quiet
from converters.rearrange import fuse_rearrangements, remaining_transposes
from converters.runners import Arrays, open_runner, torch_runner
from converters.tflite import finish, lower
from converters.tflite_model import TfliteModel
from converters.tiles import load_tiles, to_input
from pico_deploy.bundle import Artefact
from pico_deploy.bundle.manifest import PartName
from pico_deploy.errors import ConversionError

LEVEL = 35


def inputs_of(pico: PicoArtefacts, part: PartName) -> Arrays:
    """A real tile, half of it void; symbols are what PyTorch makes of it."""
    geometry = pico.codec.geometry
    given = {
        "x": to_input(load_tiles(geometry.tile)[0]),
        "anchors": pico.codec.anchor_table[LEVEL][None],
        **masks(geometry, void=True),
    }
    if part == "analysis":
        return given
    symbols = torch_runner(pico.parts.analysis, "analysis")(given)
    return {**symbols, "anchors": given["anchors"]}


def artefact(pico: PicoArtefacts, key: str) -> Artefact:
    (found,) = (a for a in pico.converted.artefacts if a.key == key)
    return found


@pytest.mark.parametrize("runtime", ["onnx", "tflite"])
def test_fp32_analysis_emits_the_symbols_of_pytorch(pico: PicoArtefacts, runtime: str) -> None:
    given = inputs_of(pico, "analysis")
    expected = torch_runner(pico.parts.analysis, "analysis")(given)
    with quiet():
        found = open_runner(artefact(pico, f"{runtime}/analysis/fp32"), pico.folder)(given)
    for role, symbols in expected.items():
        # Another order of sums may move a value across a rounding boundary, rarely and by one.
        assert np.abs(found[role] - symbols).max() <= 1
        assert (found[role] != symbols).mean() < 0.01
    assert np.abs(expected["y"]).max() > 1, "a test on silent symbols would prove nothing"


@pytest.mark.parametrize(
    ("key", "tolerance"),
    [
        ("onnx/synthesis/fp32", 2e-5),
        ("tflite/synthesis/fp32", 2e-5),
        ("tflite/synthesis/fp16", 2e-2),
        ("coreml/synthesis/fp16", 2e-2),
    ],
)
def test_synthesis_gives_the_pixels_of_pytorch(
    pico: PicoArtefacts, key: str, tolerance: float
) -> None:
    given = inputs_of(pico, "synthesis")
    expected = torch_runner(pico.parts.synthesis, "synthesis")(given)["x_hat"]
    with quiet():
        found = open_runner(artefact(pico, key), pico.folder)(given)["x_hat"]
    assert np.abs(found - expected).max() < tolerance
    # The control: the same comparison notices another level.
    other = {**given, "anchors": pico.codec.anchor_table[0][None]}
    moved = torch_runner(pico.parts.synthesis, "synthesis")(other)["x_hat"]
    assert np.abs(found - moved).max() > tolerance


def test_onnx_names_and_shapes_are_those_of_the_manifest(pico: PicoArtefacts) -> None:
    for part in ("analysis", "synthesis"):
        entry = artefact(pico, f"onnx/{part}/fp32")
        session = onnxruntime.InferenceSession(pico.folder / entry.path)
        for specs, found in (
            (entry.inputs, session.get_inputs()),
            (entry.outputs, session.get_outputs()),
        ):
            assert [(s.name, list(s.shape)) for s in specs] == [(f.name, f.shape) for f in found]


def test_tflite_names_and_shapes_are_those_of_the_manifest(pico: PicoArtefacts) -> None:
    for entry in pico.converted.artefacts:
        if entry.runtime != "tflite":
            continue
        model = TfliteModel((pico.folder / entry.path).read_bytes())
        for specs, tensors in (
            (entry.inputs, model.graph.inputs),
            (entry.outputs, model.graph.outputs),
        ):
            found = {
                model.graph.tensors[int(t)].name.decode(): (
                    model.shape(int(t)),
                    model.dtype(int(t)),
                )
                for t in tensors
            }
            assert found == {s.name: (s.shape, s.dtype) for s in specs}
            assert all(s.layout == ("nc" if s.role == "anchors" else "nhwc") for s in specs)


def test_core_ml_interface_is_that_of_the_manifest_and_half_precision(pico: PicoArtefacts) -> None:
    from coremltools.proto import FeatureTypes_pb2, Model_pb2

    for part in ("analysis", "synthesis"):
        entry = artefact(pico, f"coreml/{part}/fp16")
        spec = Model_pb2.Model()
        model = pico.folder / entry.path / "Data/com.apple.CoreML/model.mlmodel"
        spec.ParseFromString(model.read_bytes())
        for specs, found in (
            (entry.inputs, spec.description.input),
            (entry.outputs, spec.description.output),
        ):
            assert [s.name for s in specs] == [f.name for f in found]
            types = {f.type.multiArrayType.dataType for f in found}
            assert types == {FeatureTypes_pb2.ArrayFeatureType.FLOAT16}
        assert spec.specificationVersion == 8, "iOS 17"


def test_tflite_graphs_hold_no_transpose(pico: PicoArtefacts) -> None:
    for entry in pico.converted.artefacts:
        if entry.runtime == "tflite":
            model = TfliteModel((pico.folder / entry.path).read_bytes())
            assert remaining_transposes(model) == ()


def test_a_transpose_that_stays_is_counted_and_explained(pico: PicoArtefacts) -> None:
    """The control of the test above: the same part in PyTorch's channel order cannot do without."""
    with quiet():
        lowered = lower(export_part(pico.codec, pico.parts, "synthesis", "nhwc"))
    found = remaining_transposes(TfliteModel(finish(lowered, "fp32")))
    assert len(found) >= 4
    assert all(t.reason and t.permutation and t.between for t in found)


def test_fusing_rearrangements_changes_no_bit(pico: PicoArtefacts, tmp_path: Path) -> None:
    source = pico.converted.int8_source
    assert source is not None
    fused = TfliteModel(source.lowered)
    assert fuse_rearrangements(fused) == 6, "prior, split, merge and three ups"
    given, results = inputs_of(pico, "synthesis"), []
    for name, data in (("before", source.lowered), ("after", fused.to_bytes())):
        (tmp_path / f"{name}.tflite").write_bytes(data)
        entry = source.exported.artefact("tflite", "fp32", f"{name}.tflite", "float32")
        with quiet():
            results.append(open_runner(entry, tmp_path)(given)["x_hat"])
    np.testing.assert_array_equal(*results)


def test_a_rank_core_ml_does_not_take_is_refused(pico: PicoArtefacts, tmp_path: Path) -> None:
    class SixDimensional(torch.nn.Module):
        def forward(self, z: torch.Tensor, y: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
            # Arithmetic in six dimensions, which no pass can rewrite as reshapes.
            cells = y.view(1, 2, 6, 8, 4, 2)
            y = (cells + cells.mean(dim=(2, 4), keepdim=True)).view(y.shape)
            result: torch.Tensor = pico.parts.synthesis(z, y, a)
            return result

    broken = type(pico.parts)(
        pico.parts.analysis, pico.parts.scale_decoder, SixDimensional(), pico.parts.tables
    )
    with quiet(), pytest.raises(ConversionError, match="rank 6"):
        convert_coreml(export_part(pico.codec, broken, "synthesis", "nchw"), tmp_path)


def test_no_artefact_holds_a_path_of_the_machine_that_made_it(pico: PicoArtefacts) -> None:
    here = Path(__file__).resolve().parents[2]
    telltale = [str(here).encode(), b"site-packages", b"/tmp/", b'File "']
    for path in sorted(p for p in pico.folder.rglob("*") if p.is_file()):
        data = path.read_bytes()
        assert not [t for t in telltale if t in data], path.name


def test_the_exporter_does_put_paths_into_onnx_files(pico: PicoArtefacts) -> None:
    """The control of the test above: without stripping there is something to find."""
    exported = pico.converted.nchw[1]
    with quiet():
        program = torch.onnx.export(
            exported.program,
            tuple(exported.inputs.values()),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    assert b'File "' in program.model_proto.SerializeToString()


def test_a_part_whose_outputs_do_not_fit_the_geometry_is_refused(pico: PicoArtefacts) -> None:
    class TooFewChannels(torch.nn.Module):
        def forward(
            self, x: torch.Tensor, a: torch.Tensor, m: torch.Tensor, n: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor]:
            z, y = pico.parts.analysis(x, a, m, n)
            return z, y[:, :-1]

    broken = type(pico.parts)(
        TooFewChannels(), pico.parts.scale_decoder, pico.parts.synthesis, pico.parts.tables
    )
    with quiet(), pytest.raises(ConversionError, match=r"gives y of shape"):
        export_part(pico.codec, broken, "analysis", "nchw")


def test_a_part_that_branches_on_data_is_refused_in_one_line(pico: PicoArtefacts) -> None:
    class Branching(torch.nn.Module):
        def forward(self, z: torch.Tensor, y: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
            if float(y.sum()) > 0:
                y = y * 2
            result: torch.Tensor = pico.parts.synthesis(z, y, a)
            return result

    broken = type(pico.parts)(
        pico.parts.analysis, pico.parts.scale_decoder, Branching(), pico.parts.tables
    )
    with quiet(), pytest.raises(ConversionError, match=r"cannot be traced") as caught:
        export_part(pico.codec, broken, "synthesis", "nchw")
    assert "\n" not in str(caught.value)


def test_weights_beyond_half_precision_are_refused(pico: PicoArtefacts) -> None:
    source = pico.converted.int8_source
    assert source is not None
    model = TfliteModel(source.lowered)
    conv = next(o for o in model.graph.operators if model.op_name(o) == "CONV_2D")
    weight = model.model.buffers[model.graph.tensors[int(conv.inputs[1])].buffer]
    changed = np.frombuffer(bytes(weight.data), np.float32).copy()
    changed[0] = 1e6
    weight.data = np.frombuffer(changed.tobytes(), np.uint8)
    with pytest.raises(ConversionError, match=r"beyond the range of fp16"):
        finish(model.to_bytes(), "fp16")


def test_half_precision_files_are_about_half_as_large(pico: PicoArtefacts) -> None:
    for part in ("analysis", "synthesis"):
        full = (pico.folder / artefact(pico, f"tflite/{part}/fp32").path).stat().st_size
        half = (pico.folder / artefact(pico, f"tflite/{part}/fp16").path).stat().st_size
        assert half < 0.7 * full


def test_part_shapes_follow_the_geometry(pico: PicoArtefacts) -> None:
    shapes = part_shapes(pico.codec.geometry, 8)
    assert shapes["y"] == (1, 12, 8, 8) and shapes["z"] == (1, 8, 2, 2)
    assert part_module(pico.parts, "synthesis") is pico.parts.synthesis


def test_tensor_names_say_nothing_of_python(pico: PicoArtefacts) -> None:
    source = pico.converted.int8_source
    assert source is not None
    model = TfliteModel(finish(source.lowered, "fp16"))
    names = [t.name.decode() for t in model.graph.tensors]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"z|y|anchors|x_hat|\d{3}/[\w/]+", name) for name in names)
    assert int8.recipes(source.lowered, ("z", "y"), 8)
