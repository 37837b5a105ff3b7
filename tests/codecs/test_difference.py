"""Checkpoints that are stored as differences to another."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_pico import TINY
from torch import Tensor

from pico_deploy.cli.app import run
from pico_deploy.codecs.checkpoint import base_of, read_tensors, write_tensors
from pico_deploy.codecs.difference import (
    COARSE_LARGEST,
    FINE_LARGEST,
    add,
    nearest,
    reference,
    subtract,
)
from pico_deploy.codecs.layers import is_trunk
from pico_deploy.codecs.pico import PicoCodec
from pico_deploy.errors import CheckpointError

HERE = Path("a.safetensors")
BRANCH, TRUNK = "encoder.stage.0.0.conv3.weight", "decoder.up.1.conv.weight"
BIAS = "encoder.stage.0.0.conv3.bias"


@pytest.fixture
def pair() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """A base and what a gentle training made of it, fp16, of odd and even sizes."""
    generator = torch.Generator().manual_seed(3)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    base = {"same": random(9), BRANCH: random(5, 7, 3, 3), TRUNK: random(20, 6, 1, 1)}
    base |= {BIAS: random(5), "entropy": torch.arange(20, dtype=torch.uint8)}
    base = {n: v if v.dtype == torch.uint8 else v.half() for n, v in base.items()}
    moved = dict(base)
    for name in (BRANCH, TRUNK, BIAS):
        moved[name] = (base[name].float() + 0.01 * random(*base[name].shape)).half()
    return base, moved


def test_what_is_equal_is_not_stored_and_what_moves_channels_is_exact(pair) -> None:
    base, moved = pair
    stored = subtract(moved, base)
    expected = {f"{name}{end}" for name in (BRANCH, TRUNK) for end in (".step", ".steps")}
    assert set(stored) == expected | {BIAS}
    assert stored[BRANCH + ".steps"].shape == ((5 * 7 * 9 + 1) // 2,), "two a byte"
    assert stored[TRUNK + ".steps"].shape == (20, 6, 1, 1)
    again = add(stored, base, HERE)
    assert again.keys() == base.keys()
    for name in ("same", "entropy", BIAS):
        assert torch.equal(again[name], moved[name]) and again[name].dtype == moved[name].dtype


@pytest.mark.parametrize("name,low,high", [(TRUNK, 0.002, 0.02), (BRANCH, 0.5, 0.95)])
def test_the_trunk_comes_back_and_of_a_branch_what_moved_most(
    pair, name: str, low: float, high: float
) -> None:
    base, moved = pair
    again = add(subtract(moved, base), base, HERE)
    true, kept = (t[name].float() - base[name].float() for t in (moved, again))
    share = ((kept - true).square().sum() / true.square().sum()).item()
    assert low < share < high
    assert (kept * true).sum().item() == pytest.approx(kept.square().sum().item(), rel=0.1)
    found = nearest(name, moved[name].float(), base[name].float())
    assert torch.equal(again[name], found.half())


def test_a_trunk_is_what_every_value_passes() -> None:
    names = {name for name, _ in PicoCodec(TINY).named_parameters() if is_trunk(name)}
    assert {
        "encoder.down.0.conv.weight",
        "encoder.head.weight",
        "decoder.head.bias",
        TRUNK,
    } <= names
    others = (BRANCH, "hyper_encoder.net.0.weight", "context.enter.0.weight", "z_log_scale")
    assert not names & set(others)


@pytest.mark.parametrize("name,largest", [(BRANCH, COARSE_LARGEST), (TRUNK, FINE_LARGEST)])
def test_steps_reach_as_far_as_they_fit_and_no_further(name: str, largest: int) -> None:
    base = {name: torch.zeros(100_000)}
    moved = {name: torch.full((100_000,), 1e-4)}
    moved[name][0], moved[name][1] = 1.0, -1.0
    stored = subtract(moved, base)
    again, step = add(stored, base, HERE)[name], stored[name + ".step"]
    assert again[0] == largest * step and again[1] == -largest * step
    assert (again[2:] == 0).all()


@pytest.mark.parametrize(
    "change,complaint",
    [
        (lambda s: s.pop(BRANCH + ".step"), "conv3.weight.steps' does not fit"),
        (lambda s: s.update({BRANCH + ".steps": s[BRANCH + ".steps"][:-1]}), "does not fit"),
        (lambda s: s.update({BRANCH + ".steps": s[BRANCH + ".steps"].short()}), "does not fit"),
        (lambda s: s.update({BRANCH + ".step": torch.ones(3)}), "does not fit"),
        (lambda s: s.update({"more": torch.zeros(1)}), "'more' is not in its base"),
    ],
)
def test_a_difference_that_does_not_fit_is_refused_by_name(pair, change, complaint) -> None:
    base, moved = pair
    stored = subtract(moved, base)
    add(stored, base, HERE)
    change(stored)
    with pytest.raises(CheckpointError, match=complaint):
        add(stored, base, HERE)


def test_other_tensors_have_no_difference(pair) -> None:
    base, moved = pair
    moved[BIAS] = moved[BIAS][:-1]
    with pytest.raises(CheckpointError, match=r"conv3\.bias' is not of one shape"):
        subtract(moved, base)


@pytest.fixture
def files(pair, tmp_path: Path) -> tuple[Path, Path]:
    base, moved = pair
    start, tuned = tmp_path / "start.safetensors", tmp_path / "tuned.safetensors"
    write_tensors(start, base)
    write_tensors(tuned, subtract(moved, base), reference(start))
    return start, tuned


def test_a_file_reads_as_the_whole_checkpoint(pair, files) -> None:
    base, moved = pair
    assert files[1].stat().st_size < files[0].stat().st_size
    assert base_of(files[0]) is None and base_of(files[1]) == files[0]
    again, expected = read_tensors(files[1]), add(subtract(moved, base), base, HERE)
    assert again.keys() == expected.keys()
    assert all(torch.equal(again[name], value) for name, value in expected.items())


def test_a_base_that_is_missing_or_another_one_is_refused(pair, files) -> None:
    start, tuned = files
    kept = start.read_bytes()
    write_tensors(start, pair[0] | {"same": pair[0]["same"] + 1})
    with pytest.raises(CheckpointError, match=r"difference to another start\.safetensors"):
        read_tensors(tuned)
    start.unlink()
    with pytest.raises(CheckpointError, match=r"start\.safetensors', which is not beside it"):
        read_tensors(tuned)
    start.write_bytes(kept)
    assert read_tensors(tuned)


@pytest.mark.parametrize("name", ["../start.safetensors", "tuned.safetensors", ""])
def test_a_base_is_only_looked_for_beside_it(files, tmp_path: Path, name: str) -> None:
    start, tuned = files
    inner = tmp_path / "inner"
    inner.mkdir()
    path = inner / "tuned.safetensors"
    write_tensors(path, load_file(tuned), f"{reference(start).split()[0]} {name}")
    with pytest.raises(CheckpointError, match="not beside it"):
        read_tensors(path)


def test_the_command_refuses_another_folder_and_the_base_itself(
    files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start, tuned = files
    before = start.read_bytes()
    for out in (tmp_path / "elsewhere" / "x.safetensors", start):
        assert run(["difference", str(tuned), "--base", str(start), "-o", str(out)]) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert start.read_bytes() == before
