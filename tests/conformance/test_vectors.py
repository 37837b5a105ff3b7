"""The committed vector set: whole, small, in step with itself, and judged alike by every runner."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pico_deploy import _core
from pico_deploy.codecs.checkpoint import read_tensors
from pico_deploy.conformance.make_vectors.conformance_set import (
    CONV_NAME,
    make,
    named_models,
)
from pico_deploy.conformance.make_vectors.decodable import decodable
from pico_deploy.conformance.make_vectors.refused import bad_models, refused
from pico_deploy.conformance.thresholds import thresholds
from pico_deploy.conformance.vector import (
    EXPECT_FILE,
    REFERENCE_FILE,
    SOURCE_FILE,
    Expectation,
    Vector,
    expectation_text,
)
from pico_deploy.conformance.vector_decoders import Encode, VectorDecoder, core_decoder
from pico_deploy.conformance.vector_run import VectorRun, judge, read_picture, run_vectors
from pico_deploy.conformance.vector_set import VectorSet, VectorSetError, index_bytes
from pico_deploy.errors import PicoError, UsageError
from pico_deploy.runtime.decode import decode, open_stream
from pico_deploy.runtime.picture import ArraySink
from pico_deploy.runtime.session import Session

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "conformance" / "vectors"
MODEL = ROOT / "conformance" / "model"
TOOLS = ROOT / "core" / "tools"
COMPILER = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C compiler on this machine")


@pytest.fixture(scope="module")
def vectors() -> VectorSet:
    return VectorSet.open(FOLDER)


@pytest.fixture(scope="module")
def every(vectors: VectorSet) -> list[Vector]:
    return [vectors.vector(name) for name in vectors.names]


@pytest.fixture(scope="module")
def judged() -> VectorRun:
    return run_vectors(FOLDER, thresholds(), MODEL / "bundle", ("onnx",))


@pytest.fixture(scope="module")
def pico_conform(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("c") / "pico_conform"
    sources = [TOOLS / "conform.c", TOOLS / "pico_conform.c", *sorted(ROOT.glob("core/src/**/*.c"))]
    flags = ["-std=c11", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    warnings = ["-Wall", "-Wextra", "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Werror"]
    include = ["-I", str(ROOT / "core/include")]
    command = [COMPILER, *flags, *warnings, *include, "-o", program, *sources]
    subprocess.run([str(part) for part in command], check=True)
    return program


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "vectors"))


def run_c(program: Path, *arguments: object, **environment: str) -> tuple[int, list[dict]]:
    finished = subprocess.run(
        [str(program), *(str(a) for a in arguments)],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        check=False,
    )
    return finished.returncode, [json.loads(line) for line in finished.stdout.splitlines()]


def test_set_is_small_and_has_the_vectors_that_were_promised(every: list[Vector]) -> None:
    assert sum(p.stat().st_size for p in FOLDER.rglob("*") if p.is_file()) < 6_000_000
    assert sum(p.stat().st_size for p in MODEL.rglob("*") if p.is_file()) <= 1_000_000
    assert sum(v.refused for v in every) >= 30
    assert sum(not v.refused for v in every) >= 30
    assert sum(v.pixels is not None for v in every) >= 12
    assert {v.expect.lanes for v in every if not v.refused} == {4, 16, 32}


def test_vectors_reach_every_level_threshold_chunk_and_extreme(
    vectors: VectorSet, every: list[Vector]
) -> None:
    conv = [v for v in every if v.model == CONV_NAME and not v.refused]
    assert {tile.level for v in conv for tile in v.expect.tiles} == set(range(71))
    kinds = {chunk.type for v in conv for chunk in v.expect.chunks}
    assert {"iccp", "cicp", "exif", "xmpm"} < kinds
    skipped = vectors.stream(vectors.vector("skip-each"))
    first = _core.parse(skipped).streams[0].offset
    assert list(skipped[first : first + 64]) == list(range(64))
    decoder = _core.Decoder(
        _core.Model(vectors.model(vectors.vector("symbols-extreme"))),
        vectors.stream(vectors.vector("symbols-extreme")),
    )
    z, y = decoder.decode_group(0, "int8")
    assert set(np.unique(z)) == {-31, 31}
    assert {-127, 127} <= set(np.unique(y))


def test_text_for_c_is_in_step_with_the_json(every: list[Vector]) -> None:
    for vector in every:
        text = (FOLDER / vector.name / EXPECT_FILE).read_text(encoding="ascii")
        assert text == expectation_text(vector.model, vector.expect), vector.name


def test_every_implementation_of_this_machine_gets_every_vector(judged: VectorRun) -> None:
    judged.require()
    assert {"core/scalar", "numpy reference"} <= set(judged.implementations)
    assert len(judged.verdicts) == len(judged.implementations) * 154
    assert len(judged.pixels) == 15


@needs_compiler
def test_c_and_python_runners_give_the_same_verdicts(pico_conform: Path, judged: VectorRun) -> None:
    code, (first, *lines) = run_c(pico_conform, FOLDER, PICO_CPU="scalar")
    assert (code, first["set"], first["kernels"]) == (0, judged.set, "scalar")
    fields = ("vector", "verdict", "status", "tiles", "z", "indices", "y")
    python = [v for v in judged.verdicts if v.by == "core/scalar"]
    assert [tuple(line[f] for f in fields) for line in lines] == [
        tuple(getattr(v, f) for f in fields) for v in python
    ]


@needs_compiler
def test_kernel_set_can_be_forced_and_one_that_is_not_there_is_refused(pico_conform: Path) -> None:
    assert run_c(pico_conform, FOLDER, "size-1x1", PICO_CPU="scalar")[0] == 0
    assert run_c(pico_conform, FOLDER, "size-1x1", PICO_CPU="abacus") == (2, [])


@needs_compiler
def test_name_that_is_no_vector_is_refused(pico_conform: Path) -> None:
    assert run_c(pico_conform, FOLDER, "size-1x1", "no-such") == (2, [])
    assert run_c(pico_conform) == (2, [])


Harm = tuple[str, str]


@pytest.fixture(params=["altered", "missing", "unlisted", "no-index"])
def harmed(request: pytest.FixtureRequest, copy: Path) -> Iterator[tuple[Path, Harm]]:
    if request.param == "altered":
        path = copy / "photo-tiles" / "stream.pico"
        path.write_bytes(path.read_bytes()[:-1] + b"?")
        yield copy, ("photo-tiles/stream.pico", "altered")
    elif request.param == "missing":
        (copy / "size-1x1" / "vector.json").unlink()
        yield copy, ("size-1x1/vector.json", "missing")
    elif request.param == "unlisted":
        (copy / "models" / "more.bin").write_bytes(b"?")
        yield copy, ("models/more.bin", "unlisted")
    else:
        (copy / "index.txt").unlink()
        yield copy, ("index.txt", "missing")


def test_folder_that_is_not_the_set_is_refused_and_the_file_named(
    harmed: tuple[Path, Harm],
) -> None:
    folder, (path, what) = harmed
    with pytest.raises(VectorSetError, match=f"{path} {what}") as caught:
        run_vectors(folder, thresholds())
    assert caught.value.exit_code == 3
    assert caught.value.problems == {path: what}


@needs_compiler
def test_c_runner_refuses_the_same_folders(harmed: tuple[Path, Harm], pico_conform: Path) -> None:
    folder, (path, what) = harmed
    code, lines = run_c(pico_conform, folder)
    assert code == 3
    assert len(lines) == 1
    assert lines[0]["file"] == path
    assert lines[0]["verdict"].startswith(what)


@needs_compiler
def test_both_runners_name_the_line_that_differs(copy: Path, pico_conform: Path) -> None:
    """The control: one nibble of one expected hash."""
    folder = copy / "size-four-tiles"
    text = (folder / "vector.json").read_text()
    hashed = VectorSet.open(copy).vector("size-four-tiles").expect.tiles[2].indices
    wrong = ("1" if hashed[0] == "0" else "0") + hashed[1:]
    for name in ("vector.json", EXPECT_FILE):
        path = folder / name
        path.write_text(path.read_text().replace(hashed, wrong))
    assert text != (folder / "vector.json").read_text()
    names = ("size-four-tiles", "size-one-tile")
    (copy / "index.txt").write_bytes(index_bytes(copy, 1, names))

    code, lines = run_c(pico_conform, copy)
    assert code == 11
    assert lines[1]["verdict"] == "differs"
    run = run_vectors(copy, thresholds())
    assert {v.vector for v in run.verdicts if v.verdict != "exact"} == {"size-four-tiles"}
    found = next(v for v in run.verdicts if v.verdict != "exact")
    assert (found.expected, found.found) == (lines[1]["expected"], lines[1]["found"])
    assert wrong in (found.expected or "")


def test_refused_streams_give_the_documented_exit_code_when_decoded(every: list[Vector]) -> None:
    with Session.open(MODEL / "bundle") as session:
        part = session.load("synthesis", "onnx")
        for vector in every:
            if not vector.refused or vector.model != CONV_NAME:
                continue
            data = (FOLDER / vector.name / "stream.pico").read_bytes()
            with pytest.raises(PicoError) as caught:
                stream = open_stream(data, session, any_pixel_model=True)
                decode(stream, session, part, ArraySink())
            assert caught.value.exit_code == vector.exit_code, vector.name
            assert getattr(caught.value, "status", None) == vector.expect.status, vector.name


def test_a_decoder_that_forgives_is_caught(vectors: VectorSet) -> None:
    """The control of refusals: whatever it is, it decodes."""

    def forgiving(model: bytes, stream: bytes, encode: Encode) -> Expectation:
        return (
            core_decoder("scalar")
            .describe(model, stream, encode)
            .model_copy(update={"status": "ok"})
        )

    for states_errors in (True, False):
        decoder = VectorDecoder("forgiving", forgiving, states_errors)
        vector = vectors.vector("bad-checksum-middle")
        found = decoder.describe(vectors.model(vector), vectors.stream(vector), None)
        assert judge(vector, decoder, found).verdict == "differs"


def test_pixels_of_a_wrong_picture_are_out_of_tolerance(copy: Path) -> None:
    """The control of the pixel part: two references changed places."""
    first, second = (copy / f"photo-anchor-{level}" / REFERENCE_FILE for level in (0, 60))
    swapped = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(swapped)
    (copy / "index.txt").write_bytes(index_bytes(copy, 1, ("photo-anchor-0", "photo-anchor-60")))
    run = run_vectors(copy, thresholds(), MODEL / "bundle", ("onnx",))
    assert [p.passed for p in run.pixels] == [False, False]
    assert "PSNR" in (run.pixels[0].difference or "")


def test_made_up_vectors_can_be_made_again_to_the_same_bytes(every: list[Vector]) -> None:
    """Encoder, models and generator are frozen: what changes one of them changes these bytes."""
    models = named_models(MODEL)
    made = [*decodable(models), *refused(models), *(draft for draft, _ in bad_models(models))]
    stored = {v.name: (FOLDER / v.name / "stream.pico").read_bytes() for v in every}
    synthetic = {v.name for v in every if v.symbols == "synthetic"}
    assert {draft.name for draft in made} == synthetic
    different = [draft.name for draft in made if stored[draft.name] != draft.stream]
    assert different == []
    for name, model in models.items():
        assert (FOLDER / "models" / f"{name}.bin").read_bytes() == model.data


def test_set_is_never_replaced_unless_its_next_version_is_asked_for(
    vectors: VectorSet, tmp_path: Path
) -> None:
    for version in (vectors.version, vectors.version + 2):
        with pytest.raises(UsageError, match=f"--set {vectors.version + 1}"):
            make(MODEL, tmp_path, FOLDER, version)


def test_sources_of_photo_vectors_are_of_the_size_that_the_stream_states(
    every: list[Vector],
) -> None:
    for vector in every:
        if vector.pixels is None:
            continue
        shape = (vector.expect.height, vector.expect.width, 3)
        for name in (SOURCE_FILE, REFERENCE_FILE):
            assert read_picture(FOLDER / vector.name / name).shape == shape


SMOKE = sorted(path.parent for path in (ROOT / "conformance" / "smoke").glob("*/index.txt"))


@pytest.mark.parametrize("folder", SMOKE, ids=lambda folder: folder.name)
def test_smoke_vector_is_exact_and_that_of_the_weights_that_ship(
    folder: Path, tmp_path: Path
) -> None:
    """New weights need a new one: ``python -m pico_deploy.conformance.make_vectors.smoke``."""
    assert sum(path.stat().st_size for path in folder.rglob("*")) < 150_000
    weights = ROOT / "pico_deploy" / "weights" / f"{folder.name}.safetensors"
    shape = json.loads(weights.with_suffix(".json").read_text())["scale_decoder"]
    whole = shutil.copytree(folder, tmp_path / folder.name)
    model = whole / "models" / f"{folder.name}.bin"
    model.parent.mkdir()
    model.write_bytes(read_tensors(weights)[f"entropy.{shape}"].numpy().tobytes())
    run_vectors(whole, thresholds()).require()
    model.write_bytes((FOLDER / "models" / f"{CONV_NAME}.bin").read_bytes())
    with pytest.raises(PicoError, match=model.name):
        run_vectors(whole, thresholds()).require()


def test_every_shipped_weight_has_a_smoke_vector() -> None:
    shipped = {path.stem for path in (ROOT / "pico_deploy" / "weights").glob("*.safetensors")}
    assert {folder.name for folder in SMOKE} == shipped
