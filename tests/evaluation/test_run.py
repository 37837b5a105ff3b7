"""An evaluation of a bundle is complete, resumable, and takes sizes from real streams."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from tiny_codec import flat_blocks

from pico_deploy.conformance.levels import anchor_levels
from pico_deploy.errors import InputError, OutputError, UsageError
from pico_deploy.evaluation.bundle_coder import BundleCoder
from pico_deploy.evaluation.run import Job, evaluate, read_rgb
from pico_deploy.runtime.session import Session


@pytest.fixture
def job(tiny_bundle: Path, tmp_path: Path) -> Job:
    images = tmp_path / "images"
    images.mkdir()
    for i in range(2):
        Image.fromarray(flat_blocks(130, 150, i)).save(images / f"photo{i}.png")
    return Job(tiny_bundle, images, tmp_path / "out", peers=("webp", "jpeg"), metrics=("seams",))


def test_every_photo_is_coded_at_every_anchor_and_by_every_peer(job: Job) -> None:
    found = evaluate(job)
    assert {s.photo for s in found.samples} == {"photo0", "photo1"}
    assert sorted({s.setting for s in found.samples if s.coder == "tiny"}) == [0, 5, 10]
    assert list(found.identities) == ["tiny", "JPEG", "WebP"]
    assert [metric.name for metric in found.metrics] == ["PSNR", "seam error"]
    pairs = [(d.test, d.anchor) for d in found.of("PSNR", None)]
    assert pairs == [("tiny", "JPEG"), ("tiny", "WebP"), ("WebP", "JPEG")]


def test_sizes_are_those_of_whole_pico_files(job: Job) -> None:
    found = evaluate(job)
    with Session.open(job.bundle) as session:
        parts = (session.load("analysis", "onnx"), session.load("synthesis", "onnx"))
        coder = BundleCoder(session, *parts, anchor_levels(session.manifest))
        for sample in found.samples:
            if sample.coder == "tiny":
                pixels = read_rgb(job.images / f"{sample.photo}.png")
                assert sample.coded.file_bytes == len(coder.encode(pixels, sample.setting))


def test_second_run_takes_everything_from_the_cache(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = evaluate(job)
    monkeypatch.setattr(BundleCoder, "encode", lambda *_: pytest.fail("coded again"))
    assert evaluate(job) == first


def test_other_bundle_is_another_entry_of_the_cache(job: Job, tmp_path: Path) -> None:
    from tiny_codec import write_tiny_bundle

    first = evaluate(job)
    other = write_tiny_bundle(tmp_path / "other.bundle", model_version="2", shift_of_index=2)
    second = evaluate(replace(job, bundle=other))
    assert first.identities["tiny"] != second.identities["tiny"]
    assert first.samples != second.samples


def test_what_does_not_touch_the_figures_is_no_other_entry(job: Job, tmp_path: Path) -> None:
    first = evaluate(job)
    again = job.bundle.parent / "again.bundle"
    shutil.copytree(job.bundle, again)
    manifest = json.loads((again / "manifest.json").read_text())
    manifest["provenance"]["packages"]["other"] = "9"
    (again / "manifest.json").write_text(json.dumps(manifest))
    found = evaluate(replace(job, bundle=again, out=tmp_path / "elsewhere"))
    assert found.identities == first.identities
    manifest["anchor_table"][1] = manifest["anchor_table"][2]
    (again / "manifest.json").write_text(json.dumps(manifest))
    other = evaluate(replace(job, bundle=again, out=tmp_path / "third"))
    assert other.identities["tiny"] != first.identities["tiny"]


def test_folder_that_cannot_be_made_is_found_before_anything_is_coded(
    job: Job, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    coded: list[str] = []
    with pytest.raises(OutputError, match="cannot write"):
        evaluate(
            replace(job, out=tmp_path / "file" / "out", cache=tmp_path / "cache"),
            lambda done, total, what: coded.append(what),
        )
    assert not coded
    found = evaluate(replace(job, out=tmp_path / "new" / "out", cache=tmp_path / "cache"))
    assert found.samples and (tmp_path / "new" / "out").is_dir()


def test_impossible_levels_peers_and_folders_are_refused(job: Job, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="0…10"):
        evaluate(replace(job, levels=(11,)))
    with pytest.raises(UsageError, match="jpeg, webp"):
        evaluate(replace(job, peers=("h264",)))
    with pytest.raises(UsageError, match="psnr, ms-ssim"):
        evaluate(replace(job, metrics=("vmaf",)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no photo"):
        evaluate(replace(job, images=tmp_path / "empty"))


def test_what_cannot_run_is_named_with_its_reason_and_the_rest_goes_on(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pico_deploy.errors import MissingDependencyError
    from pico_deploy.evaluation.metrics import METRICS
    from pico_deploy.evaluation.peers import PEERS

    def missing(*_: object) -> None:
        raise MissingDependencyError("install it")

    monkeypatch.setitem(PEERS, "vvc", missing)
    monkeypatch.setitem(METRICS, "lpips", missing)
    found = evaluate(replace(job, peers=("jpeg", "vvc"), metrics=("lpips",)))
    assert [(n.name, n.reason) for n in found.not_run] == [
        ("vvc", "install it"), ("lpips", "install it")
    ]  # fmt: skip
    assert list(found.identities) == ["tiny", "JPEG"]


def test_peers_are_taken_from_a_shared_cache_when_the_bundle_changed(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tiny_codec import write_tiny_bundle

    from pico_deploy.evaluation.coders import PillowCoder

    shared = replace(job, cache=tmp_path / "shared.jsonl")
    evaluate(shared)
    monkeypatch.setattr(PillowCoder, "encode", lambda *_: pytest.fail("coded again"))
    other = write_tiny_bundle(tmp_path / "other.bundle", model_version="2", shift_of_index=2)
    assert evaluate(replace(shared, bundle=other, out=tmp_path / "out2")).samples
