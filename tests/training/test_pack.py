"""A pack is small, has no near-duplicates, names its sources, and is reproducible."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pico_deploy.cli.app import run
from pico_deploy.errors import InputError, TrainingError
from pico_deploy.training.config import TrainConfig
from pico_deploy.training.pack import (
    NEAR_BITS,
    PackOptions,
    difference_hash,
    licences,
    load_pack,
    write_pack,
)

SMALL = PackOptions(crop=128, limit_bytes=2_000_000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight photos of 200×180 that differ."""
    folder = tmp_path / "many"
    folder.mkdir()
    rng = np.random.default_rng(11)
    for i in range(8):
        coarse = rng.integers(0, 256, (12, 14, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((200, 180), Image.Resampling.BICUBIC)
        picture.save(folder / f"{i}.png")
    return folder


def pack(folder: Path, out: Path, options: PackOptions = SMALL, text: Path | None = None):
    return write_pack(folder, text, out, options, {}, lambda _: None)


def test_a_pack_trains_and_holds_out_all_crops_of_a_photo(folder: Path, tmp_path: Path) -> None:
    made = pack(folder, tmp_path / "p.zip")
    photos = load_pack(tmp_path / "p.zip", 128, 4)
    held = [c for c in made.crops if c.photo in (3, 7)]
    assert len(photos.holdout) == len(held) >= 2
    assert len(photos.train) == len(made.crops) - len(held)
    assert all(p.shape == (128, 128, 3) and p.dtype == np.uint8 for p in photos.train)


def test_crops_are_those_of_the_photos_within_their_quality(folder: Path, tmp_path: Path) -> None:
    made = pack(folder, tmp_path / "p.zip", PackOptions(crop=128, quality=100))
    photos = load_pack(tmp_path / "p.zip", 128, 99)
    for entry, pixels in zip(made.crops, photos.train, strict=True):
        with Image.open(folder / made.photos[entry.photo].name) as image:
            original = np.asarray(image)[entry.top :, entry.left :][:128, :128]
        assert np.array_equal(pixels, original)


def test_the_same_input_gives_the_same_bytes_and_another_seed_others(
    folder: Path, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        pack(folder, tmp_path / f"{name}.zip")
    pack(folder, tmp_path / "c.zip", PackOptions(crop=128, seed=1))
    a, b, c = ((tmp_path / f"{n}.zip").read_bytes() for n in "abc")
    assert a == b != c


def test_a_pack_stays_below_its_limit_and_gives_every_photo_its_turn(
    folder: Path, tmp_path: Path
) -> None:
    full = pack(folder, tmp_path / "full.zip")
    limit = (tmp_path / "full.zip").stat().st_size * 2 // 3
    cut = pack(folder, tmp_path / "cut.zip", PackOptions(crop=128, limit_bytes=limit))
    assert (tmp_path / "cut.zip").stat().st_size <= limit
    assert 0 < len(cut.crops) < len(full.crops)
    assert [c.photo for c in cut.crops[:8]] == list(range(min(8, len(cut.crops))))


def test_near_duplicates_are_left_out_and_counted(folder: Path, tmp_path: Path) -> None:
    with Image.open(folder / "0.png") as image:
        brighter = np.clip(np.asarray(image).astype(int) + 4, 0, 255).astype(np.uint8)
    alone = tmp_path / "alone"
    alone.mkdir()
    for name in ("a", "b"):
        Image.fromarray(brighter[:128, :128]).save(alone / f"{name}.png")
    made = pack(alone, tmp_path / "p.zip")
    assert (len(made.crops), made.near_duplicates) == (1, 1)


def test_the_hash_is_near_for_a_recompressed_picture_and_far_for_another() -> None:
    rng = np.random.default_rng(0)
    one, two = (
        np.asarray(Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8)).resize((128, 128)))
        for _ in range(2)
    )
    noisy = np.clip(one + rng.normal(0, 3, one.shape), 0, 255).astype(np.uint8)
    assert (difference_hash(one) ^ difference_hash(noisy)).bit_count() <= NEAR_BITS
    assert (difference_hash(one) ^ difference_hash(two)).bit_count() > 16


def test_text_is_lossless_and_marked(folder: Path, tmp_path: Path) -> None:
    made = pack(folder, tmp_path / "p.zip", text=folder)
    photos = load_pack(tmp_path / "p.zip", 128, 99)
    assert len(photos.text) == sum(c.text for c in made.crops) == 8
    first = made.crops[0]
    with Image.open(folder / made.texts[0].name) as image:
        original = np.asarray(image)[first.top :, first.left :][:128, :128]
    assert np.array_equal(photos.text[0], original)


def test_licences_travel_with_the_pack_and_broken_photos_are_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no photo")
    table = tmp_path / "licences.tsv"
    table.write_text("file\tlicence\tauthor\n0.png\tCC0\tAda\n")
    out = tmp_path / "p.zip"
    arguments = ["pack", str(folder), "-o", str(out), "--licences", str(table), "--crop", "128"]
    assert run(arguments) == 0
    captured = capsys.readouterr()
    assert "1 files skipped, 7 without a known licence" in captured.out
    assert "broken.jpg" in captured.err
    with zipfile.ZipFile(out) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["photos"][0]["licence"] == "CC0" and manifest["photos"][0]["author"] == "Ada"
    assert manifest["skipped"] == ["broken.jpg"]


def test_a_list_that_is_no_list_of_licences_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("a\tb\n1\t2\n")
    for name in ("x.tsv", "absent.tsv"):
        with pytest.raises(InputError):
            licences(tmp_path / name)


def test_a_folder_without_photos_makes_no_file(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("empty", "absent"):
        with pytest.raises(TrainingError):
            pack(tmp_path / name, tmp_path / "p.zip")
    assert not (tmp_path / "p.zip").exists()


@pytest.mark.parametrize("what", ["no zip", "no manifest", "small crops", "absent"])
def test_what_is_no_pack_is_refused(folder: Path, tmp_path: Path, what: str) -> None:
    path = tmp_path / "p.zip"
    if what == "no zip":
        path.write_bytes(b"PK no zip")
    elif what == "no manifest":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("other", b"")
    elif what == "small crops":
        pack(folder, path)
    with pytest.raises(TrainingError, match=r"p\.zip"):
        load_pack(path, 256, 4)


def test_training_from_a_pack_stops_after_its_minutes_and_can_be_finished(
    folder: Path, tmp_path: Path, settings: TrainConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    pack(folder, tmp_path / "p.zip")
    config = tmp_path / "c.toml"
    fields = settings.model_dump(exclude={"perceptual"}) | {"steps": 500_000}
    lines = [f"{k} = {json.dumps(v)}" for k, v in fields.items()]
    config.write_text("\n".join([*lines, "[perceptual]", "tiling = 10"]))
    out = tmp_path / "run"
    arguments = ["train", str(config), "--pack", str(tmp_path / "p.zip"), "--run", str(out)]
    assert run([*arguments, "--max-minutes", "0.01"]) == 0
    assert json.loads((out / "state.json").read_text())["facts"]["step"] < 5000
    assert not (out / "tiny.safetensors").exists()
    assert run([*arguments, "--max-minutes", "0"]) == 0
    assert "resumed at step" in capsys.readouterr().err
    assert run([*arguments, "--data", str(folder)]) == 2
    assert run(arguments[:2] + arguments[4:]) == 2


def test_a_stopped_run_is_finished_on_demand(
    photos, tmp_path: Path, settings: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pico_deploy.training import finalise, sources
    from pico_deploy.training.recipe import Trainer

    trainer = Trainer(settings, photos, tmp_path, "cpu")
    trainer.fit(lambda _: None, lambda: trainer.step == 4)
    seen = []

    def record(codec, photos, weights, *, entropy_from, difference_to):
        assert entropy_from is None and difference_to is None
        seen.append(codec)
        return weights

    monkeypatch.setattr(finalise, "finalise", record)
    monkeypatch.setattr(sources, "open_photos", lambda *_: photos)
    config = tmp_path / "c.toml"
    fields = settings.model_dump(exclude={"perceptual"})
    config.write_text("\n".join(f"{k} = {json.dumps(v)}" for k, v in fields.items()))
    arguments = ["train", str(config), "--data", str(tmp_path), "--run", str(tmp_path)]
    assert run([*arguments, "--finish"]) == 0
    best, _ = trainer.best_codec()
    for a, b in zip(best.parameters(), seen[0].parameters(), strict=True):
        assert bool((a == b).all())
    resumed = Trainer(settings, photos, tmp_path, "cpu")
    assert resumed.resume() and resumed.step == 4, "finishing trains no further"


def test_a_stop_by_signal_ends_the_step_and_a_second_ctrl_c_interrupts() -> None:
    import signal

    from pico_deploy.cli.train import stop_after_step

    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with stop_after_step() as stopped:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert stopped == [signal.SIGTERM, signal.SIGINT]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
