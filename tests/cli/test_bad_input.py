"""Bad input: one line that says what and what to do, an exit code, and no output file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_codec import flat_blocks, write_tiny_bundle

from pico_deploy import _core
from pico_deploy.cli.app import run


class Desk:
    """A folder with a good bundle, photo and stream, and a way to say which one is bad."""

    def __init__(self, folder: Path, bundle: Path) -> None:
        self.folder = folder
        self.bundle = Path(shutil.copytree(bundle, folder / "tiny.bundle"))
        self.photo = folder / "photo.png"
        self.stream = folder / "photo.pico"
        self.output = folder / "out" / "result.png"
        self.output.parent.mkdir()
        Image.fromarray(flat_blocks(240, 360)).save(self.photo)
        assert run(self.encode(output=self.stream)) == 0

    def encode(self, photo: Path | None = None, output: Path | None = None) -> list[str]:
        output = output or self.output.with_suffix(".pico")
        files = [str(photo or self.photo), str(output)]
        return ["encode", *files, "--bundle", str(self.bundle), "--level", "5"]

    def decode(self, *more: str, output: Path | None = None) -> list[str]:
        files = [str(self.stream), str(output or self.output)]
        return ["decode", *files, "--bundle", str(self.bundle), *more]

    def edit_stream(self, edit: Callable[[bytearray], object]) -> list[str]:
        data = bytearray(self.stream.read_bytes())
        edit(data)
        self.stream.write_bytes(data)
        return self.decode()


@pytest.fixture
def desk(tmp_path: Path, tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    desk = Desk(tmp_path, tiny_bundle)
    capsys.readouterr()
    return desk


def flip_in_stream(data: bytearray) -> None:
    part = _core.parse(bytes(data)).streams[0]
    data[part.offset + part.size // 2] ^= 1


def renamed_text(desk: Desk) -> list[str]:
    path = desk.folder / "letter.jpg"
    path.write_text("Dear Sir or Madam")
    return desk.encode(path)


def empty_photo(desk: Desk) -> list[str]:
    path = desk.folder / "empty.jpg"
    path.touch()
    return desk.encode(path)


def cut_photo(desk: Desk) -> list[str]:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    path = desk.folder / "cut.jpg"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:9000])
    return desk.encode(path)


def other_model(desk: Desk) -> list[str]:
    write_tiny_bundle(desk.bundle, shift_of_index=1)
    return desk.decode()


def missing_file(desk: Desk) -> list[str]:
    (desk.bundle / "onnx" / "synthesis.onnx").unlink()
    return desk.decode()


def altered_file(desk: Desk) -> list[str]:
    path = desk.bundle / "entropy.bin"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    return desk.decode()


def no_bundle(desk: Desk) -> list[str]:
    shutil.rmtree(desk.bundle)
    return desk.decode()


def blocked_output(desk: Desk) -> list[str]:
    return desk.encode(output=desk.photo / "under-a-file.pico")


def folder_of_figures(desk: Desk, option: str) -> list[str]:
    """`verify`, which runs long before it writes; without the bundle, nothing can run at all."""
    shutil.rmtree(desk.bundle)
    return ["verify", str(desk.bundle), option, str(desk.photo / "under-a-file")]


def bench_output(desk: Desk, option: str) -> list[str]:
    shutil.rmtree(desk.bundle)
    place = ["--target", "host", option, str(desk.photo / "under-a-file")]
    return ["bench", str(desk.bundle), *place, "--budget", "iphone-15-pro"]


def folder_output(desk: Desk) -> list[str]:
    (desk.folder / "folder.png").mkdir()
    return desk.decode(output=desk.folder / "folder.png")


CASES: dict[str, tuple[Callable[[Desk], list[str]], int, str]] = {
    "text renamed .jpg": (renamed_text, 3, "is no JPEG"),
    "empty photo": (empty_photo, 3, "is empty"),
    "cut photo": (cut_photo, 3, "cut off"),
    "no photo": (lambda d: d.encode(d.folder / "none.jpg"), 3, "cannot read"),
    "no stream": (lambda d: d.stream.unlink() or d.decode(), 3, "cannot read"),
    "empty stream": (lambda d: d.edit_stream(bytearray.clear), 4, "is empty"),
    "cut stream": (lambda d: d.edit_stream(lambda b: b.__delitem__(slice(-40, None))), 4, "tiles"),
    "cut header": (lambda d: d.edit_stream(lambda b: b.__delitem__(slice(30, None))), 4, ""),
    "flipped stream": (lambda d: d.edit_stream(flip_in_stream), 4, "--conceal"),
    "flipped header": (lambda d: d.edit_stream(lambda b: b.__setitem__(37, b[37] ^ 1)), 4, ""),
    "wrong version": (lambda d: d.edit_stream(lambda b: b.__setitem__(4, 9)), 4, "version"),
    "not a stream": (lambda d: d.edit_stream(lambda b: b.__setitem__(0, 0x51)), 4, ""),
    "wrong model": (other_model, 5, "use the bundle it was made with"),
    "bundle file missing": (missing_file, 6, "synthesis.onnx is missing"),
    "bundle file altered": (altered_file, 6, "entropy.bin was altered"),
    "no bundle": (no_bundle, 6, "cannot open the bundle"),
    "unwritable output": (blocked_output, 9, "cannot write"),
    "unwritable verdict": (lambda d: folder_of_figures(d, "--output"), 9, "cannot write"),
    "unwritable heat map": (lambda d: folder_of_figures(d, "--side-by-side"), 9, "cannot write"),
    "unwritable drift": (lambda d: folder_of_figures(d, "--drift"), 9, "cannot write"),
    "unwritable result": (lambda d: bench_output(d, "--output"), 9, "cannot write"),
    "unwritable JUnit": (lambda d: bench_output(d, "--junit"), 9, "cannot write"),
    "output is a folder": (folder_output, 9, "is a folder"),
    "level too high": (lambda d: [*d.encode(), "--level", "11"], 2, "0…10"),
    "two qualities": (lambda d: [*d.encode(), "--target-bpp", "1"], 2, "give one of"),
    "unknown suffix": (lambda d: d.decode(output=d.folder / "out" / "a.gif"), 2, "use one of"),
    "unknown runtime": (lambda d: d.decode("--runtime", "none"), 2, "choose from"),
    "unknown precision": (lambda d: d.decode("--precision", "fp8"), 2, "fp32, fp16, int8"),
    "artefact not in the bundle": (lambda d: d.decode("--runtime", "tflite"), 6, "it holds"),
    "unknown command": (lambda d: ["encod"], 2, "Did you mean"),
    "missing option": (lambda d: ["encode", "a", "b"], 2, "--bundle"),
    "size that is none": (lambda d: [*d.encode(), "--target-size", "large"], 2, "no size"),
    "inspecting nonsense": (lambda d: ["inspect", str(d.photo)], 4, ""),
    "inspecting nothing": (lambda d: ["inspect", str(d.folder / "none")], 3, "cannot read"),
    "drift of a codec without PyTorch": (
        lambda desk: ["verify", str(desk.bundle), "--drift", str(desk.folder / "drift")],
        2,
        "runtime torch",
    ),
    "drift with photos": (
        lambda desk: ["verify", str(desk.bundle), str(desk.photo), "--drift", str(desk.folder)],
        2,
        "brings its own images",
    ),
}


def files(folder: Path) -> set[Path]:
    return {p for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_one_line_an_exit_code_and_no_file(
    desk: Desk, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    arrange, exit_code, reason = CASES[case]
    arguments = arrange(desk)
    before = files(desk.folder)
    assert run(arguments) == exit_code
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = [line for line in printed.err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert printed.err.endswith(lines[0] + "\n")
    assert reason in lines[0]
    assert lines[0].count(str(desk.stream)) <= 1
    assert files(desk.folder) == before


@pytest.mark.parametrize("case", CASES)
def test_bad_input_with_json_is_the_same_as_data(
    desk: Desk, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    arrange, exit_code, reason = CASES[case]
    assert run([*arrange(desk), "--json"]) == exit_code
    printed = capsys.readouterr()
    error = json.loads(printed.out)["error"]
    assert error["exit_code"] == exit_code
    assert reason in error["message"]
    assert printed.err == ""


def test_good_input_passes_where_the_bad_one_fails(desk: Desk) -> None:
    """The control of all cases: nothing is wrong with the rest of the desk."""
    assert run(desk.encode()) == 0
    assert run(desk.decode()) == 0
    assert files(desk.output.parent) == {desk.output, desk.output.with_suffix(".pico")}


def test_json_error_of_a_damaged_stream_names_the_tiles(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*desk.edit_stream(flip_in_stream), "--json"]) == 4
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["tiles"][0] == 0
    assert error["status"] == "stream-damaged"


def test_concealed_picture_is_written_and_exits_14(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*desk.edit_stream(flip_in_stream), "--conceal", "--json"]
    assert run(arguments) == 14
    assert json.loads(capsys.readouterr().out)["lost_tiles"][0] == 0
    assert desk.output.exists()


def test_older_output_survives_a_failure(desk: Desk) -> None:
    desk.output.write_bytes(b"precious")
    assert run(desk.edit_stream(flip_in_stream)) == 4
    assert desk.output.read_bytes() == b"precious"
