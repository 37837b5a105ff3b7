"""A card repeats the figures of the files it is made from, and nothing else."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from tiny_pico import short_fits

from pico_deploy.cli.app import run
from pico_deploy.codecs.config import PRESETS
from pico_deploy.codecs.pico import PicoCodec
from pico_deploy.codecs.trained import TrainedPico
from pico_deploy.errors import InputError
from pico_deploy.training.card import CardSources, card, kilo_macs_per_pixel
from pico_deploy.training.finalise import finalise
from pico_deploy.training.recipe import Trainer

RECIPE = """
preset = "tiny"
steps = 6
seed = 5
batch = 2
crop = 128
bf16 = false
train_only = ["decoder.*"]
[perceptual]
lpips = 600.0
ssimulacra2 = 50.0
"""


@pytest.fixture
def sources(tiny_preset, settings, photos, tmp_path) -> CardSources:
    torch.manual_seed(4)
    network = PicoCodec(PRESETS[tiny_preset]).eval()
    weights = tmp_path / "tiny.safetensors"
    finalise(network, photos, weights, crops=2, fits=short_fits(5))
    trainer = Trainer(settings, photos, tmp_path / "run", "cpu")
    trainer.fit(lambda _: None, lambda: False)
    (tmp_path / "r.toml").write_text(RECIPE)
    (tmp_path / "d.tsv").write_text("file\tlicence\na\tCC0\nb\tCC0\nc\tCC BY 4.0\nd\t\n")
    (tmp_path / "n.md").write_text("## Known failures\n\n* Seams.\n")
    evaluation = {
        "bd_rate": [
            {"test": "tiny", "anchor": anchor, "metric": "PSNR", "up_to_bits_per_pixel": cap,
             "mean_percent": percent}
            for anchor, cap, percent in (("JPEG", None, -35.25), ("WebP", None, 4.0),
                                         ("JPEG", 0.5, -41.0), ("WebP", 0.5, None))
        ],
        "mean_points": [
            {"coder": "tiny", "setting": 0, "bits_per_pixel": 0.125,
             "figures": {"PSNR": 30.5, "text L1": None}}
        ],
    }  # fmt: skip
    evaluation["bd_rate"].append({"test": "WebP", "anchor": "JPEG", "metric": "PSNR",
                                  "up_to_bits_per_pixel": None, "mean_percent": -9.9})  # fmt: skip
    (tmp_path / "e.json").write_text(json.dumps(evaluation))
    return CardSources(
        weights, (tmp_path / "r.toml",), (tmp_path / "run",), (tmp_path / "d.tsv",),
        tmp_path / "e.json", tmp_path / "n.md",
    )  # fmt: skip


def test_figures_of_all_files_are_on_the_card(sources: CardSources, tmp_path: Path) -> None:
    text = card(sources)
    assert text.startswith("# Model card: tiny\n")
    assert "y 8 channels at 1/16" in text and "| levels | 71, anchors at 8 |" in text
    assert "`d.tsv`: 4 files." in text and "| CC0 | 2 |" in text and "| not known | 1 |" in text
    assert "seed 5: distortion MSE + 600·lpips + 50·ssimulacra2; 2 crops of 128×128" in text
    assert "Only `decoder.*` learned." in text
    facts = json.loads((tmp_path / "run" / "best.json").read_text())["facts"]
    assert f"the weights are those of step {facts['step']}" in text
    first = facts["validation"][0]
    assert f"| 0 | {first['bits_per_pixel']:.3f} | {first['psnr_db']:.2f} |" in text
    assert "| JPEG | -35.2 % |" in text and "| JPEG | -41.0 % |" in text
    assert "| WebP | – |" in text and "-9.9" not in text
    assert "| 0 | 0.125 | 30.5 | – |" in text
    assert text.endswith("## Known failures\n\n* Seams.\n")
    assert str(tmp_path) not in text, "no paths of this machine"
    assert card(sources) == text


def test_what_is_not_given_is_left_out(sources: CardSources, tmp_path: Path) -> None:
    out = tmp_path / "card.md"
    arguments = ["card", str(sources.weights), "--recipe", str(sources.recipes[0]), "-o", str(out)]
    assert run(arguments) == 0
    text = out.read_text()
    assert "## Data" not in text and "## Results" not in text and "## Recipe" in text


def test_a_difference_is_called_one(sources: CardSources, tmp_path: Path) -> None:
    base = sources.weights
    other = base.with_name("tuned.safetensors")
    TrainedPico.load(base).save(other, base)
    text = card(dataclasses.replace(sources, weights=other))
    assert f"the difference to `{base.name}`" in text and "fp16 weights" not in text
    assert "fp16 weights" in card(sources)


def test_cost_counts_multiplications_per_pixel() -> None:
    layer = torch.nn.Conv2d(3, 5, 3, padding=1)
    assert kilo_macs_per_pixel(layer, (torch.zeros(1, 3, 16, 16),), 16) == pytest.approx(0.135)


WRONG = (
    ("evaluation", "{}"),
    ("evaluation", "no json"),
    ("evaluation", '{"bd_rate": [], "mean_points": []}'),
    ("data", "a\tb\n1\t2\n"),
)


def test_a_file_that_is_something_else_is_refused(sources: CardSources, tmp_path: Path) -> None:
    for field, content in WRONG:
        path = tmp_path / "wrong"
        path.write_text(content)
        value = (path,) if field == "data" else path
        with pytest.raises(InputError, match="wrong"):
            card(dataclasses.replace(sources, **{field: value}))
