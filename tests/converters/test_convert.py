"""From a codec to a bundle: complete, gated, reproducible, or nothing at all."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import outside_codec
import pytest
import torch
from outside_codec import DctHyperprior

from converters import dependencies
from converters.convert import Conversion, convert
from converters.parity import psnr_db
from converters.quiet import is_known, quiet
from converters.reports import reports_folder
from converters.tiles import FOLDER, load_tiles
from pico_deploy.bundle import open_bundle
from pico_deploy.codecs.protocol import Codec
from pico_deploy.codecs.registry import load_foreign_codec
from pico_deploy.entropy.serialise import from_bytes, to_bytes
from pico_deploy.errors import ConversionError, InputError, MissingDependencyError, OutputError
from pico_deploy.runtime.decode import decode, open_stream
from pico_deploy.runtime.encode import encode
from pico_deploy.runtime.photo import ArrayPixels
from pico_deploy.runtime.picture import ArraySink
from pico_deploy.runtime.session import Session

ROOT = Path(__file__).resolve().parents[2]


def hashes(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def test_a_codec_from_outside_the_package_becomes_a_whole_bundle(outside: Conversion) -> None:
    with open_bundle(outside.bundle) as bundle:
        keys = {a.key for a in bundle.manifest.artefacts}
        assert keys == {
            *(f"onnx/{p}/fp32" for p in ("analysis", "synthesis")),
            *(f"coreml/{p}/fp16" for p in ("analysis", "synthesis")),
            *(f"tflite/{p}/{q}" for p in ("analysis", "synthesis") for q in ("fp32", "fp16")),
            "tflite/synthesis/int8",
        }
        assert bundle.manifest.codec == "dct-hyperprior"
        assert bundle.manifest.provenance.checkpoint_sha256 is not None
        model = from_bytes(bundle.entropy_bin())
        assert model.geometry == outside_codec.GEOMETRY


def test_the_bundle_codes_a_picture_on_one_runtime_and_decodes_it_on_another(
    outside: Conversion,
) -> None:
    picture, level = load_tiles(200)[4][:, :170], 10
    decoded = {}
    with Session.open(outside.bundle) as session:
        for encoder, decoder in (("onnx", "tflite"), ("tflite", "onnx")):
            stream = encode(ArrayPixels(picture), session, session.load("analysis", encoder), level)
            sink = ArraySink()
            synthesis = session.load("synthesis", decoder)
            decode(open_stream(stream, session), session, synthesis, sink)
            decoded[encoder] = sink.pixels()
    for pixels in decoded.values():
        assert psnr_db(pixels, picture, 255) > 25
    assert psnr_db(decoded["onnx"], decoded["tflite"], 255) > 45


def test_a_foreign_class_is_loaded_by_name_and_is_a_codec(outside_weights: Path) -> None:
    codec = load_foreign_codec("outside_codec:DctHyperprior", outside_weights)
    assert isinstance(codec, Codec)
    assert codec.name == "dct-hyperprior"


def test_converting_again_in_another_process_gives_the_same_bytes(
    outside: Conversion, outside_weights: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again.bundle"
    program = (
        "import sys; from pathlib import Path; import outside_codec;"
        "from converters.convert import convert; w = Path(sys.argv[1]);"
        "convert(outside_codec.DctHyperprior.load(w), Path(sys.argv[2]), checkpoint=w)"
    )
    paths = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": "4711"}
    subprocess.run(
        [sys.executable, "-c", program, outside_weights, again], check=True, env=environment
    )
    assert hashes(again) == hashes(outside.bundle)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> tuple[Conversion, list[tuple[int, int]]]:
    """A codec that differs in one weight, in the format that is quickest to make, with its
    progress.
    """
    basis = outside_codec.dct_basis()
    basis[1, 0, 3, 3] += 1e-3
    codec = DctHyperprior(basis, torch.tensor(outside_codec.GAINS))
    destination = tmp_path_factory.mktemp("other") / "other.bundle"
    seen: list[tuple[int, int]] = []

    def note(done: int, total: int, what: str) -> None:
        seen.append((done, total))

    return convert(codec, destination, formats=("onnx",), progress=note), seen


def test_another_weight_gives_other_bytes(
    outside: Conversion, other: tuple[Conversion, list[tuple[int, int]]]
) -> None:
    """The control of the test above."""
    name, made = "onnx/synthesis.onnx", other[0]
    assert hashes(made.bundle)[name] != hashes(outside.bundle)[name]
    assert made.manifest.pixel_fingerprint != outside.manifest.pixel_fingerprint


def test_progress_counts_up_to_its_own_total(
    other: tuple[Conversion, list[tuple[int, int]]],
) -> None:
    seen = other[1]
    assert [d for d, _ in seen] == sorted(d for d, _ in seen)
    assert seen[-1][0] == seen[-1][1] == max(total for _, total in seen)


def test_entropy_bin_is_the_stored_integers_and_nothing_else(outside: Conversion) -> None:
    stored = (outside.bundle / "entropy.bin").read_bytes()
    assert stored == to_bytes(outside_codec.make().entropy_model)


def test_reports_lie_beside_the_bundle_and_never_inside(outside: Conversion) -> None:
    assert outside.reports == outside.bundle.with_name("dct.reports")
    names = {p.name for p in outside.reports.iterdir()}
    assert names == {f"{n}.json" for n in ("parity", "headroom", "placement", "proof", "int8")}
    for name in names:
        json.loads((outside.reports / name).read_text())
        assert not list(outside.bundle.rglob(name))
    assert reports_folder(Path("a/b.bundle.zip")) == Path("a/b.reports")


class Unfaithful(DctHyperprior):
    """Its NHWC parts are not its NCHW parts: a converter's bug, planted."""

    def parts(self, order: Any) -> Any:
        parts = super().parts(order)
        if order == "dcr":
            with torch.no_grad():
                parts.synthesis.inverse.weight[0] *= 1.3  # type: ignore[operator, union-attr]
        return parts


def test_a_failed_gate_raises_leaves_reports_and_no_bundle(tmp_path: Path) -> None:
    codec = Unfaithful(outside_codec.dct_basis(), torch.tensor(outside_codec.GAINS))
    with pytest.raises(ConversionError, match=r"tflite/synthesis/fp32"):
        convert(codec, tmp_path / "bad.bundle", formats=("tflite",))
    assert [p.name for p in tmp_path.iterdir()] == ["bad.reports"]
    parity = json.loads((tmp_path / "bad.reports/parity.json").read_text())
    failed = {a["artefact"] for a in parity["artefacts"] if a["failures"]}
    assert failed == {f"tflite/synthesis/{p}" for p in ("fp32", "fp16", "int8")}


def test_something_that_is_no_bundle_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/one.jpg").write_bytes(b"mine")
    with pytest.raises(OutputError):
        convert(outside_codec.make(), tmp_path / "photos", formats=("onnx",))
    assert (tmp_path / "photos/one.jpg").read_bytes() == b"mine"


@pytest.mark.parametrize("extra", ["onnx", "coreml", "tflite"])
def test_a_missing_package_names_the_extra_before_any_work(
    extra: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = dependencies.EXTRAS[extra][0]
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == absent else real(name, *a)
    )
    called: list[int] = []
    with pytest.raises(MissingDependencyError, match=rf"{absent}.*pico-deploy\[{extra}\]"):
        convert(
            outside_codec.make(),
            tmp_path / "x.bundle",
            formats=(extra,),
            progress=lambda done, total, what: called.append(done),
        )
    assert called == [] and not list(tmp_path.iterdir())


def _codec_modules(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [a.name for a in node.names] if isinstance(node, ast.Import) else []
        found |= {n for n in names if n.startswith("pico_deploy.codecs")}
    return found


def test_converters_import_no_codec_by_name() -> None:
    for path in sorted((ROOT / "converters").glob("*.py")):
        assert _codec_modules(path.read_text()) <= {"pico_deploy.codecs.protocol"}, path.name
    # The control: this folder's own fixture does import one.
    fixture = Path(__file__).with_name("small_pico.py").read_text()
    assert "pico_deploy.codecs.pico" in _codec_modules(fixture)


def test_shipped_tiles_are_lossless_real_pictures_of_a_whole_tile() -> None:
    tiles = load_tiles(512)
    assert len(tiles) == 6
    for tile in tiles:
        assert tile.shape == (512, 512, 3) and len(np.unique(tile)) > 200
    attribution = (FOLDER / "ATTRIBUTION.md").read_text()
    for path in FOLDER.glob("*.webp"):
        assert f"`{path.name}`" in attribution
        assert b"VP8L" in path.read_bytes()[:32]


def test_tiles_are_cropped_or_mirrored_to_the_side_that_is_asked_for() -> None:
    small, large = load_tiles(128)[0], load_tiles(600)[0]
    whole = load_tiles(512)[0]
    np.testing.assert_array_equal(small, whole[192:320, 192:320])
    np.testing.assert_array_equal(large[:512, :512], whole)
    np.testing.assert_array_equal(large[512:, :512], whole[:-89:-1])


def test_a_folder_without_tiles_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no \.webp or \.png"):
        load_tiles(128, tmp_path)
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(InputError, match="not a readable picture"):
        load_tiles(128, tmp_path)


def test_known_chatter_is_dropped_and_anything_else_is_not(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with quiet():
        os.write(2, b"Torch version 9.9 has not been tested with coremltools.\n")
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n")
        os.write(2, b"the disk is on fire\n")
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == "the disk is on fire\nafterwards\n"
    assert not is_known(b"ERROR: something new")


def test_an_exception_passes_through_the_silence_and_restores_stderr(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(ValueError, match="mine"), quiet():
        raise ValueError("mine")
    os.write(2, b"still here\n")
    assert capfd.readouterr().err == "still here\n"
