"""Codecs on the page of pictures have files of one size, and every crop its author and licence."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_codec import flat_blocks, write_tiny_bundle

from pico_deploy.cli.app import run
from pico_deploy.conformance.pixels import Pixels
from pico_deploy.errors import InputError, OutputError
from pico_deploy.evaluation import page
from pico_deploy.evaluation.crops import coded_part, load_crops, shown_part
from pico_deploy.evaluation.equal_size import SETTINGS, at_size
from pico_deploy.evaluation.peers import PEERS

LIST = Path(__file__).parents[2] / "benchmarks" / "crops.toml"
ONE = """
[[crop]]
name = "blocks"
title = "Blocks"
photo = "a.png"
left = 10
top = 20
side = 128
shown = [8, 16, 64, 48]
level = 5
author = "Ada"
licence = "CC0"
origin = "a test"
"""


class Stairs:
    """Files of the sizes that are given, one a setting."""

    name = "stairs"
    identity = "stairs 1"
    settings = (0,)

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes = sizes
        self.calls: list[int] = []

    def encode(self, pixels: Pixels, setting: int) -> bytes:
        self.calls.append(setting)
        return bytes(self.sizes[setting])

    def decode(self, data: bytes) -> Pixels:
        return np.zeros((1, 1, 3), np.uint8)


@pytest.mark.parametrize(
    ("target", "setting"), [(0, 0), (14, 0), (16, 1), (20, 1), (44, 3), (46, 4), (500, 4)]
)
def test_the_nearest_size_is_found(target: int, setting: int) -> None:
    stairs = Stairs([10, 20, 30, 40, 50])
    found = at_size(stairs, np.zeros((1, 1, 3), np.uint8), target, range(5))
    assert (found.setting, found.file_bytes) == (setting, stairs.sizes[setting])


def test_equal_distance_takes_the_smaller_file_and_few_are_tried() -> None:
    stairs = Stairs([10 * i for i in range(100)])
    found = at_size(stairs, np.zeros((1, 1, 3), np.uint8), 455, range(100))
    assert found.file_bytes == 450
    assert len(stairs.calls) <= math.ceil(math.log2(100)) + 3


def test_every_peer_can_be_searched_in_the_direction_of_its_curve() -> None:
    assert set(SETTINGS) == set(PEERS)
    jpeg = PEERS["jpeg"]()
    pixels = flat_blocks(96, 96, 3)
    sizes = [len(jpeg.encode(pixels, SETTINGS["jpeg"][i])) for i in (0, 40, 90)]
    assert sizes == sorted(sizes)


def test_the_shipped_list_has_six_crops_with_author_licence_and_origin() -> None:
    crops = load_crops(LIST)
    assert [crop.name for crop in crops] == ["text", "face", "foliage", "sky", "night", "corner"]
    for crop in crops:
        assert crop.author and crop.origin
        assert crop.licence.startswith(("CC0", "CC BY"))


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    Image.fromarray(flat_blocks(160, 170)).save(tmp_path / "a.png")
    (tmp_path / "crops.toml").write_text(ONE)
    return tmp_path / "crops.toml"


def test_the_parts_of_a_photo_are_those_of_the_list(crops: Path, tmp_path: Path) -> None:
    (crop,) = load_crops(crops)
    coded = coded_part(crop, [tmp_path / "elsewhere", tmp_path])
    assert np.array_equal(coded, flat_blocks(160, 170)[20:148, 10:138])
    assert np.array_equal(shown_part(crop, coded), coded[16:64, 8:72])


def test_the_page_shows_every_codec_and_names_photo_and_licence(
    crops: Path, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "PEERS", {name: PEERS[name] for name in ("jpeg", "webp")})
    monkeypatch.setattr(page, "METRIC_NAMES", ("psnr",))
    out = tmp_path / "out"
    common = ["compare", "-b", str(tiny_bundle), "--photos", str(tmp_path)]
    assert run([*common, "--crops", str(crops), "-o", str(out)]) == 0
    text = (out / "compare.md").read_text()
    assert "| codec | setting | bytes | of the first | PSNR |" in text
    for codec in ("| tiny | 5 |", "| JPEG |", "| WebP |"):
        assert codec in text
    assert "Photo by Ada, CC0, a test; 128×128 px from (10, 20)" in text
    with Image.open(out / "pictures" / "compare-blocks.webp") as sheet:
        assert sheet.size == (3 * 64, 2 * (48 + page.LABEL_HEIGHT))
        original = np.asarray(sheet.convert("RGB"))[page.LABEL_HEIGHT :, :64][:48].astype(int)
    shown = flat_blocks(160, 170)[36:84, 18:82].astype(int)
    assert np.abs(original - shown).mean() < 12
    first = (out / "compare.md").read_bytes()
    assert run([*common, "--crops", str(crops), "-o", str(out)]) == 0
    assert (out / "compare.md").read_bytes() == first


def test_a_second_bundle_is_shown_at_the_size_of_the_first(
    crops: Path, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "PEERS", {"jpeg": PEERS["jpeg"]})
    monkeypatch.setattr(page, "METRIC_NAMES", ("psnr",))
    twin = write_tiny_bundle(tmp_path / "twin.bundle", codec="twin")
    page.write_page([tiny_bundle, twin], crops, [tmp_path], tmp_path / "out")
    lines = (tmp_path / "out" / "compare.md").read_text().splitlines()
    first, second, peer = (line.split(" | ") for line in lines if " | " in line and "%" in line)
    assert [first[0], second[0], peer[0]] == ["| tiny", "| twin", "| JPEG"]
    assert second[1:] == first[1:], "equal weights have equal files at equal levels"
    assert any(line.startswith("* twin: bundle ") for line in lines)


def test_two_bundles_of_one_codec_are_refused(
    crops: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="another bundle of tiny"):
        page.write_page([tiny_bundle, tiny_bundle], crops, [tmp_path], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_page_that_cannot_be_written_is_refused_before_anything_is_coded(
    crops: Path, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"kept")
    coded: list[str] = []
    with pytest.raises(OutputError, match="cannot write"):
        page.write_page(
            *([tiny_bundle], crops, [tmp_path], tmp_path / "file" / "out"),
            progress=lambda _done, _total, what: coded.append(what),
        )
    assert not coded


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("side = 128", "sid = 128", "side"),
        ("shown = [8, 16, 64, 48]", "shown = [100, 16, 64, 48]", "blocks shows"),
        ("side = 128", "side = 1280", "is 170×160"),
        ('photo = "a.png"', 'photo = "b.png"', r"no b\.png in"),
        ("[[crop]]", "[[crop", "not TOML"),
    ],
)
def test_a_wrong_list_is_refused_by_name(
    crops: Path, tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    crops.write_text(ONE.replace(old, new))
    with pytest.raises(InputError, match=complaint):
        coded_part(load_crops(crops)[0], [tmp_path])


def test_a_list_that_is_absent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        load_crops(tmp_path / "absent.toml")
