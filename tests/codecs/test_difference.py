"""Checkpoints that are stored as differences to another."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from pico_deploy.cli.app import run
from pico_deploy.codecs import difference
from pico_deploy.codecs.checkpoint import read_tensors, write_tensors
from pico_deploy.codecs.difference import LARGEST, add, reference, subtract
from pico_deploy.errors import CheckpointError

HERE = Path("a.safetensors")


def never(name: str) -> bool:
    return False


@pytest.fixture
def pair() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """A base and what a gentle training made of it, fp16, of odd and even sizes."""
    generator = torch.Generator().manual_seed(3)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    base = {"same": random(9), "a.weight": random(5, 7, 3, 3), "b.weight": random(4, 6)}
    base |= {"a.bias": random(5), "entropy": torch.arange(20, dtype=torch.uint8)}
    base = {n: v if v.dtype == torch.uint8 else v.half() for n, v in base.items()}
    moved = dict(base)
    for name in ("a.weight", "b.weight", "a.bias"):
        moved[name] = (base[name].float() + 0.01 * random(*base[name].shape)).half()
    return base, moved


def test_what_is_equal_is_not_stored_and_what_is_whole_is_exact(pair) -> None:
    base, moved = pair
    stored = subtract(moved, base, lambda name: name == "a.bias")
    assert sorted(stored) == [
        "a.bias", "a.weight.step", "a.weight.steps", "b.weight.step", "b.weight.steps",
    ]  # fmt: skip
    assert stored["a.weight.steps"].shape == ((5 * 7 * 9 + 1) // 2,)
    again = add(stored, base, HERE)
    assert again.keys() == base.keys()
    for name in ("same", "entropy", "a.bias"):
        assert torch.equal(again[name], moved[name]) and again[name].dtype == moved[name].dtype


@pytest.mark.parametrize("small,low,high", [(10**6, 0.02, 0.07), (0, 0.3, 0.65)])
def test_most_of_the_others_comes_back_and_of_small_tensors_more(
    pair, monkeypatch: pytest.MonkeyPatch, small: int, low: float, high: float
) -> None:
    monkeypatch.setattr(difference, "SMALL", small)
    base, moved = pair
    again = add(subtract(moved, base, never), base, HERE)
    for name in ("a.weight", "b.weight"):
        true, kept = (t[name].float() - base[name].float() for t in (moved, again))
        share = ((kept - true).square().sum() / true.square().sum()).item()
        assert low < share < high
        assert (kept * true).sum().item() == pytest.approx(kept.square().sum().item(), rel=0.1)


def test_steps_reach_seven_each_way_and_no_further() -> None:
    base = {"w": torch.zeros(1000)}
    moved = {"w": torch.zeros(1000)}
    moved["w"][0], moved["w"][1], moved["w"][2:] = 1.0, -1.0, 0.01
    stored = subtract(moved, base, never)
    again = add(stored, base, HERE)["w"]
    step = stored["w.step"]
    assert again[0] == LARGEST * step and again[1] == -LARGEST * step
    assert (again[2:] == 0).all()


@pytest.mark.parametrize(
    "change,complaint",
    [
        (lambda s: s.pop("a.weight.step"), "a.weight.steps' does not fit"),
        (lambda s: s.update({"a.weight.steps": s["a.weight.steps"][:-1]}), "does not fit"),
        (lambda s: s.update({"a.weight.steps": s["a.weight.steps"].short()}), "does not fit"),
        (lambda s: s.update({"a.weight.step": torch.ones(3)}), "does not fit"),
        (lambda s: s.update({"more": torch.zeros(1)}), "'more' is not in its base"),
    ],
)
def test_a_difference_that_does_not_fit_is_refused_by_name(pair, change, complaint) -> None:
    base, moved = pair
    stored = subtract(moved, base, never)
    add(stored, base, HERE)
    change(stored)
    with pytest.raises(CheckpointError, match=complaint):
        add(stored, base, HERE)


def test_other_tensors_have_no_difference(pair) -> None:
    base, moved = pair
    moved["a.bias"] = moved["a.bias"][:-1]
    with pytest.raises(CheckpointError, match=r"'a\.bias' is not of one shape"):
        subtract(moved, base, never)


@pytest.fixture
def files(pair, tmp_path: Path) -> tuple[Path, Path]:
    base, moved = pair
    start, tuned = tmp_path / "start.safetensors", tmp_path / "tuned.safetensors"
    write_tensors(start, base)
    write_tensors(tuned, subtract(moved, base, never), reference(start))
    return start, tuned


def test_a_file_reads_as_the_whole_checkpoint(pair, files) -> None:
    base, moved = pair
    assert files[1].stat().st_size < files[0].stat().st_size
    again, expected = read_tensors(files[1]), add(subtract(moved, base, never), base, HERE)
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
