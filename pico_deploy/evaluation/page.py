"""A page of pictures: crops as several codecs give them back, all from files of one size."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pico_deploy.conformance.pixels import Pixels
from pico_deploy.errors import InputError
from pico_deploy.evaluation.bundle_coder import BundleCoder
from pico_deploy.evaluation.coders import Coder
from pico_deploy.evaluation.crops import Crop, coded_part, load_crops, shown_part
from pico_deploy.evaluation.equal_size import SETTINGS, Sized, at_setting, at_size
from pico_deploy.evaluation.metrics import METRICS, Metric
from pico_deploy.evaluation.peers import PEERS
from pico_deploy.evaluation.result import NotRun, available
from pico_deploy.outputs import make_folder, write_bytes
from pico_deploy.runtime.backend import BackendOptions
from pico_deploy.runtime.session import Session

COLUMNS = 3
LABEL_HEIGHT = 22
PICTURE_QUALITY = 90
METRIC_NAMES = ("psnr", "ssimulacra2", "lpips")


@dataclass(frozen=True)
class Shown:
    """One crop by all codecs; ``figures``: of the whole coded square, a row per codec."""

    crop: Crop
    original: Pixels
    results: tuple[Sized, ...]
    figures: tuple[tuple[float | None, ...], ...]


def write_page(
    bundles: Sequence[Path],
    crops: Path,
    photos: Sequence[Path],
    out: Path,
    runtime: str = "onnx",
    options: BackendOptions | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> list[Path]:
    """Write ``compare.md`` and ``pictures/compare-NAME.webp`` below ``out``.

    The first of ``bundles`` codes at the level of the list; the others, and the peers, at the
    setting that comes nearest to its size. Raises ``InputError`` for a wrong list, a photo
    that is missing or too small, or two bundles of one codec, and ``OutputError``.
    """
    wanted = load_crops(crops)
    parts = [(crop, coded_part(crop, photos)) for crop in wanted]
    not_run: list[NotRun] = []
    options = options or BackendOptions()
    with ExitStack() as stack:
        ours: list[BundleCoder] = []
        for bundle in bundles:
            session = stack.enter_context(Session.open(bundle))
            if session.manifest.codec in (coder.name for coder in ours):
                raise InputError(f"{bundle} is another bundle of {session.manifest.codec}")
            analysis = session.load("analysis", runtime, None, options)
            synthesis = session.load("synthesis", runtime, None, options)
            ours.append(BundleCoder(session, analysis, synthesis, ()))
        first, *more = ours
        payload = first.session.model.payload
        peers = available(PEERS, not_run)
        others: list[tuple[Coder, Sequence[int]]] = [
            *((coder, range(coder.session.manifest.geometry.levels)) for coder in more),
            *((peer, SETTINGS[name]) for name, peer in peers.items()),
        ]
        makers = {name: partial(METRICS[name], payload) for name in METRIC_NAMES}
        metrics = tuple(available(makers, not_run).values())
        make_folder(out / "pictures")  # now, not when minutes of coding are done
        shown = []
        for number, (crop, pixels) in enumerate(parts):
            progress(number, len(parts), crop.title)
            shown.append(_show(crop, pixels, first, others, metrics))
    progress(len(parts), len(parts), "done")
    coders: list[Coder] = [first, *(coder for coder, _ in others)]
    identities = {coder.name: coder.identity for coder in coders}
    paths = []
    for entry in shown:
        path = out / "pictures" / f"compare-{entry.crop.name}.webp"
        write_bytes(path, _sheet(entry))
        paths.append(path)
    page = out / "compare.md"
    text = markdown(shown, metrics, identities, not_run)
    write_bytes(page, text.encode())
    return [page, *paths]


def _show(
    crop: Crop,
    pixels: Pixels,
    ours: BundleCoder,
    others: Sequence[tuple[Coder, Sequence[int]]],
    metrics: Sequence[Metric],
) -> Shown:
    first = at_setting(ours, pixels, crop.level)
    results = [first]
    results += [at_size(coder, pixels, first.file_bytes, settings) for coder, settings in others]
    figures = [tuple(m.compare(pixels, result.pixels) for m in metrics) for result in results]
    return Shown(crop, pixels, tuple(results), tuple(figures))


def _sheet(shown: Shown) -> bytes:
    """The crop by every codec, original first, as one WebP."""
    cells = [("original", shown.original)]
    cells += [(f"{r.coder}, {r.file_bytes:,} bytes", r.pixels) for r in shown.results]
    _, _, width, height = shown.crop.shown
    rows = -(-len(cells) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * width, rows * (height + LABEL_HEIGHT)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for i, (label, pixels) in enumerate(cells):
        left, top = i % COLUMNS * width, i // COLUMNS * (height + LABEL_HEIGHT)
        draw.text((left + 4, top + 2), label, "black", font)
        part = np.ascontiguousarray(shown_part(shown.crop, pixels))
        sheet.paste(Image.fromarray(part), (left, top + LABEL_HEIGHT))
    buffer = io.BytesIO()
    sheet.save(buffer, "WEBP", quality=PICTURE_QUALITY, method=6)
    return buffer.getvalue()


_PREAMBLE = (
    "Every codec gets the same square of a photo and a file as large as that of `{codec}` at the "
    "level that is named, header included: the nearest setting it has. Shown is a part of the "
    "square, pixel for pixel; figures are over the whole square. The pictures themselves are "
    "stored as WebP of quality {quality}."
)


def markdown(
    shown: Sequence[Shown],
    metrics: Sequence[Metric],
    identities: dict[str, str],
    not_run: Sequence[NotRun],
) -> str:
    """The page. No dates, no paths: equal results give equal text."""
    codec = next(iter(identities))
    sections = [
        "# Pictures at equal size",
        _PREAMBLE.format(codec=codec, quality=PICTURE_QUALITY),
    ]
    for entry in shown:
        crop = entry.crop
        rate = 8 * entry.results[0].file_bytes / crop.side**2
        sections.append(f"## {crop.title}")
        sections.append(
            f"![{crop.title}, the original and every codec](pictures/compare-{crop.name}.webp)"
        )
        sections.append(_table(entry, metrics))
        sections.append(
            f"Level {crop.level}, {rate:.3f} bits per pixel. Photo by {crop.author}, "
            f"{crop.licence}, {crop.origin}; {crop.side}×{crop.side} px from ({crop.left}, "
            f"{crop.top})." + (f" {crop.note}" if crop.note else "")
        )
    sections.append("## Versions")
    sections.append("\n".join(f"* {name}: {text}" for name, text in identities.items()))
    if not_run:
        lines = [f"* {entry.name}: {entry.reason}" for entry in not_run]
        sections.append("\n".join(["Not run:", "", *lines]))
    return "\n\n".join(sections) + "\n"


def _table(entry: Shown, metrics: Sequence[Metric]) -> str:
    header = ("codec", "setting", "bytes", "of the first", *(metric.name for metric in metrics))
    lines = [f"| {' | '.join(header)} |", "|" + "---|" * len(header)]
    first = entry.results[0].file_bytes
    for result, figures in zip(entry.results, entry.figures, strict=True):
        values = [
            "–" if value is None else f"{value:.{metric.digits}f}"
            for metric, value in zip(metrics, figures, strict=True)
        ]
        share = f"{100 * result.file_bytes / first:.1f} %"
        cells = (result.coder, str(result.setting), f"{result.file_bytes:,}", share, *values)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
