import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pico_deploy.errors import UsageError
from pico_deploy.training import team as teams
from pico_deploy.training.team import Team, join_team

WORKER = Path(__file__).with_name("team_worker.py")


def train(photo_folder: Path, out: Path, processes: int, fault: str = "") -> dict[str, object]:
    """Weights, losses and files of a short run of ``processes``, each with its last state."""
    subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *(f"--nproc-per-node={processes}", str(WORKER), str(photo_folder), str(out), fault),
        ],
        check=True,
        capture_output=True,
        timeout=300,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return {path.name: torch.load(path) for path in sorted(out.glob("*.result"))}


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, dict]:
    import numpy as np
    from PIL import Image

    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(5)
    for i in range(5):
        coarse = Image.fromarray(rng.integers(0, 256, (10, 10, 3), dtype=np.uint8))
        coarse.resize((160, 160), Image.Resampling.BICUBIC).save(folder / f"{i}.png")
    cases = {"one": (1, ""), "two": (2, ""), "apart": (2, "apart"), "leader": (2, "leader")}
    return {
        name: train(folder, tmp_path_factory.mktemp(name), *case) for name, case in cases.items()
    }


def likeness(a: torch.Tensor, b: torch.Tensor) -> float:
    """Cosine of the angle between two gradients."""
    return torch.cosine_similarity(a, b, dim=0).item()


def test_all_processes_of_a_team_hold_the_same_weights(runs) -> None:
    one, other = (runs["two"][f"{rank}.result"]["codec"] for rank in (0, 1))
    assert all(torch.equal(one[k], other[k]) for k in one)


def test_gradients_that_are_not_shared_let_the_weights_drift(runs) -> None:
    one, other = (runs["apart"][f"{rank}.result"]["codec"] for rank in (0, 1))
    assert any(not torch.equal(one[k], other[k]) for k in one)


def test_two_processes_follow_the_gradient_of_the_whole_batch(runs) -> None:
    # The decoder sees rounded symbols: the noise of the rate, which differs, does not reach it.
    alone, shared = runs["one"]["0.result"], runs["two"]["0.result"]
    assert likeness(alone["gradient"], shared["gradient"]) > 0.9999
    assert shared["losses"] == pytest.approx(alone["losses"], rel=0.02)


def test_the_gradient_of_one_process_is_not_that_of_the_batch(runs) -> None:
    alone, leader = runs["one"]["0.result"], runs["leader"]["0.result"]
    assert likeness(alone["gradient"], leader["gradient"]) < 0.999


def test_only_the_leading_process_writes(runs) -> None:
    assert runs["two"]["0.result"]["records"] == runs["one"]["0.result"]["records"] > 0


def test_the_parts_of_a_batch_are_the_whole_batch_once() -> None:
    parts = [list(Team(rank, 3).part(6)) for rank in range(3)]
    assert sorted(number for part in parts for number in part) == list(range(6))
    assert {len(part) for part in parts} == {2}


def test_a_process_that_no_one_launched_is_alone() -> None:
    team = join_team(5, "cpu")
    assert team == Team() and team.leads and team.means([1.5]) == [1.5] and not team.any(False)


def test_a_batch_that_cannot_be_shared_evenly_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(teams.dist, "is_torchelastic_launched", lambda: True)
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(UsageError, match="4 processes cannot share a batch of 6"):
        join_team(6, "cpu")
    with pytest.raises(UsageError, match="CPUs only"):
        join_team(8, "cuda")
