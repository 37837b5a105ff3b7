from pathlib import Path

import numpy as np
import pytest

from pico_deploy.errors import TrainingError
from pico_deploy.training.data import CropSampler, load_photos


def test_a_corrupt_photo_is_named_counted_and_left_out(photo_folder: Path) -> None:
    (photo_folder / "broken.jpg").write_bytes(b"\xff\xd8\xff not a photo")
    said: list[str] = []
    photos = load_photos(photo_folder, None, 128, 4, said.append)
    assert photos.skipped == ("broken.jpg",)
    assert len(said) == 1 and "broken.jpg" in said[0]
    assert len(photos.train) == 4 and len(photos.holdout) == 1


def test_a_photo_smaller_than_a_crop_is_named(photo_folder: Path) -> None:
    said: list[str] = []
    with pytest.raises(TrainingError, match="5 skipped"):
        load_photos(photo_folder, None, 192, 4, said.append)
    assert len(said) == 5 and "smaller than a crop" in said[0]


@pytest.mark.parametrize("name", ["empty", "absent"])
def test_a_folder_without_photos_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrainingError):
        load_photos(tmp_path / name, None, 128, 4, lambda _: None)


def test_a_text_folder_that_is_none_is_refused_before_photos_are_read(
    photo_folder: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    with pytest.raises(TrainingError, match="text is not a folder"):
        load_photos(photo_folder, tmp_path / "text", 128, 4, said.append)
    assert not said, "the broken photo would have been named"


def test_crops_depend_on_seed_and_number_alone(photos) -> None:
    one = CropSampler(photos, 128, 3, 0.25, 0.0)
    two = CropSampler(photos, 128, 3, 0.25, 0.0)
    two.draw(0)
    assert np.array_equal(one.draw(7), two.draw(7))
    assert not np.array_equal(one.draw(7), one.draw(8))
    other = CropSampler(photos, 128, 4, 0.25, 0.0)
    assert not np.array_equal(one.draw(7), other.draw(7))


def test_the_holdout_is_never_drawn_for_training(photos) -> None:
    assert not any(t is h for t in photos.train for h in photos.holdout)


def test_halved_crops_are_box_averages(photos) -> None:
    sampler = CropSampler(photos, 64, 0, 1.0, 0.0)
    crop = sampler.draw(1)
    assert crop.shape == (64, 64, 3) and crop.dtype == np.uint8
    assert np.ptp(crop) <= max(int(np.ptp(p)) for p in photos.train)
