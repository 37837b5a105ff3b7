import json
from pathlib import Path

import pytest
from PIL import Image

from pico_deploy.errors import TrainingError
from pico_deploy.training.curves import plot, read_log


def write(path: Path, records: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(r) + "\n" for r in records))
    return path


def test_a_step_logged_again_after_a_resume_counts_once(tmp_path: Path) -> None:
    log = write(tmp_path / "log", [{"step": s, "loss": float(s)} for s in (1, 2, 3, 2, 3, 4)])
    losses, validations = read_log(log)
    assert [r["step"] for r in losses] == [1, 2, 3, 4]
    assert validations == []


def test_the_picture_is_drawn_from_a_short_log(tmp_path: Path) -> None:
    point = {"level": 0, "bits_per_pixel": 0.1, "psnr_db": 27.0}
    log = write(tmp_path / "log", [{"step": 1, "loss": 2.0}, {"step": 1, "validation": [point]}])
    plot(log, tmp_path / "curve.png")
    with Image.open(tmp_path / "curve.png") as image:
        assert image.size == (1000, 360)


@pytest.mark.parametrize("line", ["{", "[1]", '{"loss": 1.0}', "\udcff"])
def test_what_is_no_log_is_refused(tmp_path: Path, line: str) -> None:
    log = tmp_path / "log"
    log.write_bytes(line.encode(errors="surrogateescape"))
    with pytest.raises(TrainingError, match="no log of a run"):
        read_log(log)
    with pytest.raises(TrainingError, match="no log of a run"):
        read_log(tmp_path / "none")


def test_a_log_without_a_step_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no step"):
        plot(write(tmp_path / "log", []), tmp_path / "x.png")
