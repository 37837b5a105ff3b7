"""An evaluation of a bundle is complete, resumable, and takes sizes from real streams."""

from pathlib import Path

import pytest
from PIL import Image
from tiny_codec import flat_blocks

from pico_deploy.conformance.levels import anchor_levels
from pico_deploy.errors import InputError, UsageError
from pico_deploy.evaluation.bundle_coder import BundleCoder
from pico_deploy.evaluation.run import Job, evaluate, read_rgb
from pico_deploy.runtime.session import Session


@pytest.fixture
def job(tiny_bundle: Path, tmp_path: Path) -> Job:
    images = tmp_path / "images"
    images.mkdir()
    for i in range(2):
        Image.fromarray(flat_blocks(130, 150, i)).save(images / f"photo{i}.png")
    return Job(tiny_bundle, images, tmp_path / "out")


def test_every_photo_is_coded_at_every_anchor_and_by_every_peer(job: Job) -> None:
    found = evaluate(job)
    assert {s.photo for s in found.samples} == {"photo0", "photo1"}
    assert sorted({s.setting for s in found.samples if s.coder == "tiny"}) == [0, 5, 10]
    assert list(found.identities) == ["tiny", "JPEG", "WebP"]
    pairs = [(d.test, d.anchor) for d in found.differences]
    assert pairs == [("tiny", "JPEG"), ("tiny", "WebP"), ("WebP", "JPEG")]


def test_sizes_are_those_of_whole_pico_files(job: Job) -> None:
    found = evaluate(job)
    with Session.open(job.bundle) as session:
        parts = (session.load("analysis", "onnx"), session.load("synthesis", "onnx"))
        coder = BundleCoder(session, *parts, anchor_levels(session.manifest))
        for sample in found.samples:
            if sample.coder == "tiny":
                pixels = read_rgb(job.images / f"{sample.photo}.png")
                assert sample.file_bytes == len(coder.encode(pixels, sample.setting))


def test_second_run_takes_everything_from_the_cache(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = evaluate(job)
    monkeypatch.setattr(BundleCoder, "encode", lambda *_: pytest.fail("coded again"))
    assert evaluate(job) == first


def test_other_bundle_is_another_entry_of_the_cache(job: Job, tmp_path: Path) -> None:
    from dataclasses import replace

    from tiny_codec import write_tiny_bundle

    first = evaluate(job)
    other = write_tiny_bundle(tmp_path / "other.bundle", model_version="2", shift_of_index=2)
    second = evaluate(replace(job, bundle=other))
    assert first.identities["tiny"] != second.identities["tiny"]
    assert first.samples != second.samples


def test_impossible_levels_peers_and_folders_are_refused(job: Job, tmp_path: Path) -> None:
    from dataclasses import replace

    with pytest.raises(UsageError, match="0…10"):
        evaluate(replace(job, levels=(11,)))
    with pytest.raises(UsageError, match="jpeg, webp"):
        evaluate(replace(job, peers=("h264",)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no photo"):
        evaluate(replace(job, images=tmp_path / "empty"))
