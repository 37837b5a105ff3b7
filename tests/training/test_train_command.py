"""``pico-deploy train`` from a finished checkpoint whose streams are to stay."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_pico import short_fits

from pico_deploy.cli.app import run
from pico_deploy.codecs.config import PRESETS
from pico_deploy.codecs.pico import PicoCodec
from pico_deploy.codecs.trained import TrainedPico
from pico_deploy.entropy.serialise import to_bytes
from pico_deploy.errors import OutputError, TrainingError
from pico_deploy.training.finalise import finalise
from pico_deploy.training.fit_scale_decoder import FITS

RECIPE = """
preset = "tiny"
steps = 12
learning_rate = 4e-3
warmup_steps = 0
decay_steps = 0
ema_decay = 0.5
batch = 2
crop = 128
bf16 = false
validate_every = 4
holdout_every = 4
train_only = ["{only}"]
"""


@pytest.fixture
def start(tiny_preset, photos, tmp_path) -> Path:
    torch.manual_seed(4)
    network = PicoCodec(PRESETS[tiny_preset]).eval()
    return finalise(
        network, photos, tmp_path / "start" / "tiny.safetensors", crops=1, fits=short_fits(1)
    )


def train(tmp_path: Path, photo_folder: Path, start: Path, only: str) -> int:
    (tmp_path / "r.toml").write_text(RECIPE.format(only=only))
    source = ["--init-from", str(start), "--entropy-from", str(start)]
    places = ["--data", str(photo_folder), "--run", str(tmp_path / "run")]
    return run(["train", str(tmp_path / "r.toml"), *places, *source])


@pytest.mark.parametrize("part", ["decoder", "encoder"])
def test_a_transform_that_learned_alone_keeps_the_entropy_model(
    tmp_path, photo_folder, start, part: str
) -> None:
    assert train(tmp_path, photo_folder, start, f"{part}.*") == 0
    before = TrainedPico.load(start)
    after = TrainedPico.load(tmp_path / "run" / "tiny.safetensors")
    assert to_bytes(after.entropy_model) == to_bytes(before.entropy_model)
    weights = [codec.network.get_parameter(f"{part}.head.weight") for codec in (before, after)]
    assert not torch.equal(*weights)


def test_a_difference_is_trained_as_it_is_stored(tmp_path, photo_folder, start) -> None:
    (tmp_path / "r.toml").write_text(RECIPE.format(only="decoder.*"))
    places = ["--data", str(photo_folder), "--run", str(tmp_path / "run")]
    source = ["--init-from", str(start), "--difference-to", str(start)]
    start = start.rename(start.with_name("base.safetensors"))
    start.with_name("tiny.json").rename(start.with_suffix(".json"))
    source[1] = source[3] = str(start)
    assert run(["train", str(tmp_path / "r.toml"), *places, *source]) == 0
    written = tmp_path / "run" / "tiny.safetensors"
    assert written.stat().st_size < start.stat().st_size / 2
    before, after = (TrainedPico.load(path).network.state_dict() for path in (start, written))
    name = "decoder.up.0.conv.weight"
    stored = load_file(written)
    steps = (after[name] - before[name]) / stored[name + ".step"]
    assert steps.abs().max() > 1 and (steps - steps.round()).abs().max() < 0.3, "but for fp16"
    assert torch.equal(steps.round(), stored[name + ".steps"].float())


@pytest.mark.parametrize("option", ["--entropy-from", "--difference-to"])
def test_a_context_model_that_would_learn_is_refused_before_it_does(
    tmp_path, photo_folder, start, capsys, option: str
) -> None:
    (tmp_path / "r.toml").write_text(RECIPE.format(only="context.*"))
    places = ["--data", str(photo_folder), "--run", str(tmp_path / "run")]
    assert run(["train", str(tmp_path / "r.toml"), *places, option, str(start)]) != 0
    lines = capsys.readouterr().err.strip().splitlines()
    assert sum("would learn" in line and "context." in line for line in lines) == 1
    assert not (tmp_path / "run" / "state.json").exists()


def refused_in_one_line(arguments: list[str], capsys, what: str) -> None:
    assert run(arguments) == OutputError.exit_code
    lines = capsys.readouterr().err.strip().splitlines()
    assert [line for line in lines if what in line] == lines[-1:]


def test_a_run_that_cannot_be_written_is_refused_before_photos_are_read(
    tmp_path, start, capsys
) -> None:
    (tmp_path / "file").write_bytes(b"kept")
    (tmp_path / "r.toml").write_text(RECIPE.format(only="decoder.*"))
    places = ["--data", str(tmp_path / "no photos"), "--run", str(tmp_path / "file" / "run")]
    refused_in_one_line(["train", str(tmp_path / "r.toml"), *places], capsys, "cannot write")
    assert (tmp_path / "file").read_bytes() == b"kept"


def test_a_run_without_weights_is_not_finished(tiny_preset, tmp_path, photo_folder, capsys) -> None:
    (tmp_path / "r.toml").write_text(RECIPE.format(only="decoder.*"))
    places = ["--data", str(photo_folder), "--run", str(tmp_path / "run")]
    assert run(["train", str(tmp_path / "r.toml"), *places, "--finish"]) == TrainingError.exit_code
    assert "holds no weights" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_finished_weights_are_fitted_to_other_photos(
    tmp_path, photo_folder, start, monkeypatch
) -> None:
    for shape, fit in short_fits(2).items():
        monkeypatch.setitem(FITS, shape, fit)
    (tmp_path / "r.toml").write_text(RECIPE.format(only="decoder.*"))
    places = ["--data", str(photo_folder), "--run", str(tmp_path / "run")]
    arguments = ["train", str(tmp_path / "r.toml"), *places, "--init-from", str(start), "--finish"]
    assert run(arguments) == 0
    before, after = (TrainedPico.load(p) for p in (start, tmp_path / "run" / "tiny.safetensors"))
    states = before.network.state_dict(), after.network.state_dict()
    changed = {n for n in states[0] if not torch.equal(states[0][n], states[1][n])}
    assert changed and all(n.startswith("scale_decoders.") for n in changed)
    for shape in ("conv", "linear"):
        models = [to_bytes(codec.entropy_models[shape]) for codec in (before, after)]
        assert models[0] != models[1]


def test_weights_that_cannot_be_written_leave_nothing_behind(start, capsys) -> None:
    folder = start.with_name("folder.safetensors")
    folder.mkdir()
    before = sorted(start.parent.iterdir())
    other = start.with_name("other.safetensors")
    TrainedPico.load(start).save(other)
    arguments = ["difference", str(other), "--base", str(start), "-o", str(folder)]
    refused_in_one_line(arguments, capsys, "is a folder")
    assert sorted(start.parent.iterdir()) == sorted([*before, other, other.with_suffix(".json")])
    assert other.stat().st_mode & 0o044 == 0o044, "readable by more than its owner"
