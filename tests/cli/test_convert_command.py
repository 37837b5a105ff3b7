"""``convert``: a codec of another package becomes a bundle; a bad checkpoint becomes one line."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny_codec import entropy_model, flat_blocks

from pico_deploy.cli.app import run
from pico_deploy.cli.convert import FormatName
from pico_deploy.entropy.serialise import to_bytes

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
pytestmark = pytest.mark.slow

CODEC = ["--codec", "tiny_torch:TinyTorch"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tiny_torch import save_weights

    return save_weights(tmp_path_factory.mktemp("weights") / "tiny.pt")


def test_codec_of_another_package_makes_the_whole_way(
    tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, stream, picture = (tmp_path / n for n in ("t.bundle", "t.pico", "t.png"))
    photo = tmp_path / "photo.png"
    Image.fromarray(flat_blocks(130, 250)).save(photo)
    convert = ["convert", str(weights), "-o", str(bundle), *CODEC, "--format", "onnx", "--json"]
    assert run(convert) == 0
    result = json.loads(capsys.readouterr().out)
    made = {(a["runtime"], a["part"]) for a in result["manifest"]["artefacts"]}
    assert made == {("onnx", "analysis"), ("onnx", "synthesis")}
    assert Path(result["reports"]).is_dir()
    use = ["--bundle", str(bundle)]
    assert run(["encode", str(photo), str(stream), *use, "--level", "10"]) == 0
    torch_runtime = ["--runtime", "torch", "--weights", str(weights), *CODEC]
    assert run(["decode", str(stream), str(picture), *use, *torch_runtime]) == 0
    with Image.open(picture) as image:
        assert image.size == (250, 130)


def test_formats_of_the_option_are_those_of_the_converters() -> None:
    from converters.formats import FORMATS

    assert tuple(f.value for f in FormatName) == FORMATS


class Opener:
    """A pickle that would run code when it is loaded."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> Any:
        return (open, (str(self.witness), "w"))


def checkpoint(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A checkpoint of a small PICO with its configuration, altered by ``change``."""
    from safetensors.torch import save_file

    from pico_deploy.codecs.config import PRESETS
    from pico_deploy.codecs.pico import PicoCodec
    from pico_deploy.codecs.trained import config_to_json

    sizes = {"encoder_channels": (8, 8, 8), "decoder_channels": (8, 8, 8), "latent_channels": 12}
    depths = {"encoder_depths": (1, 1, 1), "decoder_depths": (1, 1, 1), "hyper_channels": 3}
    widths = {"prior_channels": 8, "context_channels": 8, "scale_channels": 8}
    config = dataclasses.replace(
        PRESETS["pico-s"], tile=128, scale_decoder="linear", **sizes, **depths, **widths
    )
    tensors = {k: v.half().contiguous() for k, v in PicoCodec(config).state_dict().items()}
    stored = np.frombuffer(to_bytes(entropy_model()), np.uint8).copy()
    tensors["entropy.linear"] = torch.from_numpy(stored)
    change(tensors)
    path = folder / "codec.safetensors"
    save_file(tensors, path)
    path.with_suffix(".json").write_text(config_to_json(config))
    return path


def first_weight(tensors: dict[str, Any]) -> str:
    return next(name for name in sorted(tensors) if name.endswith("weight"))


def poison(tensors: dict[str, Any]) -> None:
    tensors[first_weight(tensors)].view(-1)[0] = float("nan")


def misshape(tensors: dict[str, Any]) -> None:
    name = first_weight(tensors)
    tensors[name] = torch.zeros(3, 5).half()


def lose(tensors: dict[str, Any]) -> None:
    del tensors[first_weight(tensors)]


def pickled(folder: Path) -> Path:
    path = folder / "codec.pt"
    torch.save({"weight": Opener(folder / "witness")}, path)
    return path


def written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    path.with_suffix(".json").write_text("{}")
    return path


BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "NaN": (lambda f: checkpoint(f, poison), "NaN"),
    "wrong shape": (lambda f: checkpoint(f, misshape), "shape"),
    "tensor missing": (lambda f: checkpoint(f, lose), "missing"),
    "not a checkpoint": (lambda f: written(f, "codec.bin", b"weights"), ""),
    "not really safetensors": (lambda f: written(f, "codec.safetensors", b"weights"), ""),
    "empty": (lambda f: written(f, "codec.safetensors", b""), ""),
    "no such file": (lambda f: f / "codec.safetensors", ""),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_checkpoint_is_one_line_and_no_bundle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    make, reason = BAD[case]
    source = make(tmp_path)
    before = set(tmp_path.iterdir())
    assert run(["convert", str(source), "-o", str(tmp_path / "x.bundle")]) == 7
    printed = capsys.readouterr()
    assert len(printed.err.splitlines()) == 1
    assert reason in printed.err
    assert set(tmp_path.iterdir()) == before


def test_checkpoint_without_a_fault_is_not_refused_as_one(tmp_path: Path) -> None:
    """Control: the same checkpoint, unaltered, loads."""
    from pico_deploy.codecs.registry import find_codec

    assert find_codec(str(checkpoint(tmp_path, lambda tensors: None))).preset is None


def test_pickle_that_would_run_code_is_refused_and_does_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = pickled(tmp_path)
    source.with_suffix(".json").write_text(
        checkpoint(tmp_path, lambda t: None).with_suffix(".json").read_text()
    )
    assert run(["convert", str(source), "-o", str(tmp_path / "x.bundle"), "--json"]) == 7
    assert "weights_only" in json.loads(capsys.readouterr().out)["error"]["message"]
    assert not (tmp_path / "witness").exists()
    torch.load(source, weights_only=False)  # the control: it would have run
    assert (tmp_path / "witness").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-preset"],
        [],
        ["w.pt", "--codec", "nonsense"],
        ["w.pt", "--codec", "no_such_module:Codec"],
        ["w.pt", "--codec", "tiny_torch:NoSuchClass"],
        ["pico-s", "--format", "tensorrt"],
    ],
)
def test_source_that_makes_no_sense_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert run(["convert", *arguments, "-o", str(tmp_path / "x.bundle")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_codec_class_may_lie_in_the_working_folder(
    tmp_path: Path,
    weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "codec_of_mine.py").write_text("class Codec:\n    pass\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    arguments = [str(weights), "--codec", "codec_of_mine:Codec", "-o", str(tmp_path / "x.bundle")]
    assert run(["convert", *arguments]) == 2
    assert "no classmethod load" in capsys.readouterr().err
