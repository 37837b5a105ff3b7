"""A bundle is complete, unaltered and reproducible, or it is an error."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from tiny_codec import write_tiny_bundle

from pico_deploy.bundle import Artefact, BundleWriter, Tensor, open_bundle, pixel_fingerprint
from pico_deploy.bundle.diff import diff
from pico_deploy.bundle.manifest import Manifest, Quantisation, float32_table, from_json, to_json
from pico_deploy.errors import BundleError, OutputError


@pytest.fixture
def copy(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A bundle to be spoilt."""
    return Path(shutil.copytree(tiny_bundle, tmp_path / "copy.bundle"))


def tree(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_equal_content_gives_equal_bytes_wherever_it_is_written(tmp_path: Path) -> None:
    first = write_tiny_bundle(tmp_path / "a.bundle")
    (tmp_path / "elsewhere").mkdir()
    second = write_tiny_bundle(tmp_path / "elsewhere" / "b.bundle")
    assert tree(first) == tree(second)


def test_equal_content_gives_equal_zips(tmp_path: Path) -> None:
    first, second = (write_tiny_bundle(tmp_path / f"{n}.zip").read_bytes() for n in "ab")
    assert first == second


def test_another_model_gives_other_bytes(tmp_path: Path) -> None:
    first = write_tiny_bundle(tmp_path / "a.zip")
    assert (
        first.read_bytes() != write_tiny_bundle(tmp_path / "b.zip", shift_of_index=1).read_bytes()
    )


def test_zip_and_folder_are_the_same_bundle(tiny_bundle: Path, tmp_path: Path) -> None:
    packed = write_tiny_bundle(tmp_path / "tiny.zip")
    with open_bundle(tiny_bundle) as folder, open_bundle(packed) as archive:
        assert folder.manifest == archive.manifest
        for name in folder.manifest.files:
            assert folder.read(name) == archive.read(name)


def test_manifest_reads_back_as_written(tiny_bundle: Path) -> None:
    data = (tiny_bundle / "manifest.json").read_bytes()
    assert to_json(from_json(data)) == data


def test_anchor_table_survives_the_manifest_bit_for_bit() -> None:
    table = np.random.default_rng(0).random((71, 8)).astype(np.float32)
    text = json.dumps(float32_table(table))
    assert np.array_equal(np.asarray(json.loads(text), np.float32), table)


def flip_a_bit(bundle: Path) -> None:
    path = bundle / "onnx" / "synthesis.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def append_a_byte(bundle: Path) -> None:
    with (bundle / "entropy.bin").open("ab") as file:
        file.write(b"\0")


def edit_manifest(bundle: Path, **changes: Any) -> None:
    path = bundle / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def link_a_file(bundle: Path) -> None:
    path = bundle / "entropy.bin"
    path.rename(bundle.parent / "entropy.bin")
    path.symlink_to(bundle.parent / "entropy.bin")


def list_a_path_outside(bundle: Path) -> None:
    files = json.loads((bundle / "manifest.json").read_text())["files"]
    edit_manifest(bundle, files=files | {"../secret": files["entropy.bin"]})


SPOILINGS: dict[str, tuple[Callable[[Path], object], str]] = {
    "file missing": (lambda b: (b / "onnx" / "analysis.onnx").unlink(), "analysis.onnx is missing"),
    "file extra": (
        lambda b: (b / "notes.txt").write_text("hi"),
        "notes.txt is not in the manifest",
    ),
    "bit flipped": (flip_a_bit, "synthesis.onnx was altered"),
    "byte appended": (append_a_byte, "entropy.bin was altered"),
    "file is a link": (link_a_file, "is a link"),
    "no manifest": (lambda b: (b / "manifest.json").unlink(), "no readable manifest.json"),
    "not JSON": (lambda b: (b / "manifest.json").write_text("{"), "cannot be used"),
    "not UTF-8": (lambda b: (b / "manifest.json").write_bytes(b"\xff{"), "cannot be used"),
    "unknown schema": (lambda b: edit_manifest(b, schema_version=2), "schema version 1"),
    "unknown field": (lambda b: edit_manifest(b, surprise=1), "surprise"),
    "path outside": (list_a_path_outside, "plain relative path"),
    "wrong fingerprint": (
        lambda b: edit_manifest(b, entropy_fingerprint="0" * 32),
        "entropy fingerprint",
    ),
    "anchor rows missing": (lambda b: edit_manifest(b, anchor_table=[[1.0]]), "anchor_table"),
}


@pytest.mark.parametrize("spoiling", SPOILINGS)
def test_spoilt_bundle_is_refused_in_one_line(copy: Path, spoiling: str) -> None:
    open_bundle(copy).close()  # the control: as copied, it opens
    spoil, reason = SPOILINGS[spoiling]
    spoil(copy)
    with pytest.raises(BundleError) as caught:
        open_bundle(copy)
    message = str(caught.value)
    assert reason in message
    assert str(copy) in message
    assert "\n" not in message


def test_alteration_after_opening_is_noticed_at_reading(copy: Path) -> None:
    with open_bundle(copy) as bundle:
        flip_a_bit(copy)
        with pytest.raises(BundleError, match="altered"):
            bundle.read("onnx/synthesis.onnx")


@pytest.mark.parametrize("keep", [0, 100, 0.5, 0.999])
def test_cut_zip_is_refused(tmp_path: Path, keep: float) -> None:
    path = write_tiny_bundle(tmp_path / "tiny.zip")
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data)) if isinstance(keep, float) else keep])
    with pytest.raises(BundleError):
        open_bundle(path)


def test_zip_that_names_a_file_twice_is_refused(tmp_path: Path) -> None:
    path = write_tiny_bundle(tmp_path / "tiny.zip")
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("entropy.bin", b"another")
    with pytest.raises(BundleError, match="twice"):
        open_bundle(path)


def test_path_that_does_not_exist_is_an_error_about_the_path(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="cannot open the bundle"):
        open_bundle(tmp_path / "nothing")


def test_asking_for_an_artefact_it_lacks_says_what_it_holds(tiny_bundle: Path) -> None:
    with open_bundle(tiny_bundle) as bundle, pytest.raises(BundleError, match="onnx/analysis/fp32"):
        bundle.artefact("tflite", "synthesis")


def test_nothing_is_left_when_making_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), BundleWriter(tmp_path / "x.bundle") as writer:
        (writer.folder / "entropy.bin").write_bytes(b"half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_nothing_exists_before_it_is_sealed(tmp_path: Path) -> None:
    with BundleWriter(tmp_path / "x.bundle") as writer:
        (writer.folder / "entropy.bin").write_bytes(b"half")
        assert not (tmp_path / "x.bundle").exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ["bundle", "zip"])
def test_older_bundle_is_replaced(tmp_path: Path, suffix: str) -> None:
    path = write_tiny_bundle(tmp_path / f"x.{suffix}", model_version="1")
    write_tiny_bundle(path, model_version="2")
    with open_bundle(path) as bundle:
        assert bundle.manifest.model_version == "2"
    assert list(tmp_path.iterdir()) == [path]


def test_folder_that_is_no_bundle_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.txt").write_text("years of work")
    with pytest.raises(OutputError, match="not a bundle"):
        write_tiny_bundle(tmp_path / "thesis")
    assert (tmp_path / "thesis" / "chapter1.txt").read_text() == "years of work"


def test_destination_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for destination in (tmp_path / "file" / "x.bundle", tmp_path / "missing" / "x.zip"):
        with pytest.raises(OutputError, match="cannot write"):
            write_tiny_bundle(destination)


def _symbol_tensor(scale: float, zero_point: int) -> Tensor:
    quantisation = Quantisation(scale=scale, zero_point=zero_point)
    return Tensor(
        role="y",
        name="y",
        layout="nhwc",
        dtype="int8",
        shape=(1, 8, 8, 12),
        quantisation=quantisation,
    )


def test_integer_symbols_must_be_stored_as_they_are() -> None:
    assert _symbol_tensor(1.0, 0).quantisation is not None  # the control
    for scale, zero_point in ((0.5, 0), (1.0, 1)):
        with pytest.raises(ValidationError, match="scale 1 and zero point 0"):
            _symbol_tensor(scale, zero_point)


def test_artefact_must_have_the_tensors_of_its_part(tiny_bundle: Path) -> None:
    with open_bundle(tiny_bundle) as bundle:
        analysis = bundle.manifest.artefacts[0].model_dump()
    with pytest.raises(ValidationError, match="instead of"):
        Artefact(**analysis | {"part": "synthesis"})


def test_pixel_fingerprint_depends_on_values_names_and_shapes_only() -> None:
    weights = {"b": np.ones((2, 3), np.float32), "a": np.zeros(4, np.float32)}
    reference = pixel_fingerprint(weights)
    assert pixel_fingerprint(dict(reversed(weights.items()))) == reference
    assert pixel_fingerprint(weights | {"b": np.ones((2, 3), np.float16)}) == reference
    assert pixel_fingerprint(weights | {"b": np.asfortranarray(weights["b"])}) == reference
    assert pixel_fingerprint(weights | {"b": np.ones((3, 2), np.float32)}) != reference
    assert pixel_fingerprint(weights | {"a": np.full(4, 1e-7, np.float32)}) != reference
    assert pixel_fingerprint({"b": weights["b"], "c": weights["a"]}) != reference


def test_diff_says_nothing_about_equal_bundles(tiny_bundle: Path, copy: Path) -> None:
    with open_bundle(tiny_bundle) as a, open_bundle(copy) as b:
        assert diff(a, b).equal


def test_diff_names_what_changed_and_what_that_means(tiny_bundle: Path, tmp_path: Path) -> None:
    other = write_tiny_bundle(tmp_path / "o.bundle", model_version="2", shift_of_index=1)
    with open_bundle(tiny_bundle) as a, open_bundle(other) as b:
        result = diff(a, b)
    assert not result.equal
    assert not result.streams_compatible
    assert [c.path for c in result.files] == ["entropy.bin"]
    assert {c.field for c in result.fields} == {"entropy_fingerprint", "model_version"}


def test_diff_sees_an_artefact_that_came_or_went(tiny_bundle: Path) -> None:
    with open_bundle(tiny_bundle) as a, open_bundle(tiny_bundle) as b:
        manifest = b.manifest
        b.manifest = Manifest(
            **dict(manifest)
            | {
                "artefacts": manifest.artefacts[:1],
                "files": {k: v for k, v in manifest.files.items() if "synthesis" not in k},
            }
        )
        result = diff(a, b)
    assert [(c.path, c.after_bytes) for c in result.files] == [("onnx/synthesis.onnx", None)]
    assert any(c.field.startswith("artefacts.onnx/synthesis/fp32") for c in result.fields)
    assert result.pixels_compatible
