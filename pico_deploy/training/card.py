"""A model card whose figures come from files: checkpoint, recipe, run, data list, evaluation.

What only a person can say (what the model is for, where it fails) is a Markdown file of its own,
which goes in as it is.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from pico_deploy.codecs.checkpoint import base_of
from pico_deploy.codecs.trained import TrainedPico
from pico_deploy.errors import InputError
from pico_deploy.training.config import TrainConfig, load_config
from pico_deploy.training.curves import read_log
from pico_deploy.training.parts import read_facts
from pico_deploy.training.start import BEST


@dataclass(frozen=True)
class CardSources:
    """Where the figures come from; None leaves a section out."""

    weights: Path
    recipes: tuple[Path, ...]
    runs: tuple[Path, ...] = ()
    data: tuple[Path, ...] = ()
    evaluation: Path | None = None
    notes: Path | None = None


def card(sources: CardSources) -> str:
    """The card as Markdown. No dates, no paths of this machine: equal files give equal text.

    Raises ``InputError`` for a file that is not what it should be.
    """
    codec = TrainedPico.load(sources.weights)
    sections = [f"# Model card: {codec.config.name}", _shape(codec, sources.weights)]
    if sources.data:
        sections += ["## Data", *(_data(path) for path in sources.data)]
    sections.append("## Recipe")
    for number, recipe in enumerate(sources.recipes):
        run = sources.runs[number] if number < len(sources.runs) else None
        sections.append(_recipe(recipe, load_config(recipe), run))
    if sources.evaluation is not None:
        sections += ["## Results", _results(sources.evaluation, codec.config.name)]
    if sources.notes is not None:
        sections.append(_text(sources.notes).strip())
    return "\n\n".join(sections) + "\n"


def kilo_macs_per_pixel(
    part: torch.nn.Module, inputs: tuple[torch.Tensor, ...], side: int
) -> float:
    """Multiplications of convolutions and matrix products in one pass, per pixel of the tile."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        part(*inputs)
    return float(counter.get_total_flops()) / 2 / side**2 / 1000


def _shape(codec: TrainedPico, weights: Path) -> str:
    config = codec.config
    base = base_of(weights)
    shapes = ", ".join(f"`{shape}`" for shape in sorted(codec.entropy_models))
    what = f"fp16 weights, integer entropy models {shapes}"
    if base is not None:
        what = (
            f"the difference to `{base.name}`, which has to lie beside it; entropy models {shapes}"
        )
    rows = [
        ("files", f"`{weights.name}` ({weights.stat().st_size / 1e6:.1f} MB: {what}), "
         f"`{weights.with_suffix('.json').name}` (configuration)"),
    ]  # fmt: skip
    parts = codec.network.folded("crd")
    sizes, costs = [], []
    for name, part in zip(("analysis", "synthesis"), parts, strict=True):
        inputs = codec.network.example_inputs(name)  # type: ignore[arg-type]
        cost = kilo_macs_per_pixel(part, tuple(inputs.values()), config.tile)
        sizes.append(f"{name} {sum(p.numel() for p in part.parameters()) / 1e6:.1f} M")
        costs.append(f"{name} {cost:.1f} kMAC/px")
    rows += [
        ("parameters", ", ".join(sizes) + " (the context model is in both)"),
        ("cost", ", ".join(costs)),
        ("latent", f"y {config.latent_channels} channels at 1/{config.y_stride}, "
         f"z {config.hyper_channels} channels at 1/{config.z_stride}"),
        ("levels", f"{config.levels}, anchors at {config.anchors}"),
    ]  # fmt: skip
    return _table(("", ""), rows)


def _data(path: Path) -> str:
    """Photos by licence, of a tab-separated list with a column ``licence``."""
    rows = list(csv.DictReader(_text(path).splitlines(), delimiter="\t"))
    if not rows or "licence" not in rows[0]:
        raise InputError(f"{path} is no tab-separated list with a column licence")
    counts = Counter(row["licence"] or "not known" for row in rows)
    table = _table(("licence", "files"), [(name, str(n)) for name, n in counts.most_common()])
    return f"`{path.name}`: {len(rows)} files.\n\n{table}"


def _recipe(path: Path, config: TrainConfig, run: Path | None) -> str:
    mse = config.perceptual.mse
    distortion = ("MSE" if mse == 1 else f"{mse:g}·MSE") + "".join(
        f" + {value:g}·{name}" for name, value in config.perceptual.weights.items()
    )
    text = (
        f"`{path.name}`, seed {config.seed}: distortion {distortion}; {config.batch} crops of "
        f"{config.crop}×{config.crop} a step, learning rate {config.learning_rate:g}, averaged "
        f"weights ({config.ema_decay:g}), {'bf16 autocast' if config.bf16 else 'float32'}."
    )
    if config.train_only:
        text += f" Only {', '.join(f'`{pattern}`' for pattern in config.train_only)} learned."
    return text if run is None else f"{text} {_run(run)}"


def _run(run: Path) -> str:
    losses, validations = read_log(run / "log.jsonl")
    steps = losses[-1]["step"]
    text = f"{steps} steps, {validations[-1]['step'] if validations else 0} at the last validation"
    best = read_facts(run, BEST)
    if best is None:
        return f"{text}."
    rows = [
        (str(level["level"]), f"{level['bits_per_pixel']:.3f}", f"{level['psnr_db']:.2f}")
        for level in best["validation"]
    ]
    table = _table(("level", "bits per pixel", "PSNR dB"), rows)
    return f"{text}; the weights are those of step {best['step']}. Held-out photos:\n\n{table}"


def _results(path: Path, name: str) -> str:
    try:
        data: dict[str, Any] = json.loads(_text(path))
        differences = [d for d in data["bd_rate"] if d["test"] == name]
        caps = list(dict.fromkeys(d["up_to_bits_per_pixel"] for d in differences))
        metrics = list(dict.fromkeys(d["metric"] for d in differences))
        points = [p for p in data["mean_points"] if p["coder"] == name]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no evaluation.json of pico-deploy evaluate") from error
    if not differences:
        raise InputError(f"{path} has no comparison of {name}")
    tables = []
    for cap in caps:
        of = {(d["anchor"], d["metric"]): d["mean_percent"] for d in differences
              if d["up_to_bits_per_pixel"] == cap}  # fmt: skip
        anchors = list(dict.fromkeys(anchor for anchor, _ in of))
        limit = "the whole common range" if cap is None else f"up to {cap:g} bits per pixel"
        rows = [(a, *(_percent(of.get((a, metric))) for metric in metrics)) for a in anchors]
        tables.append(f"Mean BD-rate, {limit}:\n\n{_table(('against', *metrics), rows)}")
    names = list(points[0]["figures"]) if points else []
    rows = [
        (str(p["setting"]), f"{p['bits_per_pixel']:.3f}",
         *("–" if (v := p["figures"][n]) is None else f"{v:.4g}" for n in names))
        for p in points
    ]  # fmt: skip
    tables.append(_table(("level", "bits per pixel", *names), rows))
    return "\n\n".join(tables)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:+.1f} %"


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from error
