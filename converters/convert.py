"""A trained codec becomes a bundle, or an error that says why not.

The recipe, in this order:

1. Check that the packages of every format are installed, before any work is done.
2. Prove the integer entropy model and serialise it: the same ``entropy.bin`` for every platform.
3. Run PyTorch's parts on real tiles at every level anchor: the reference of all gates.
4. Trace each part once per channel order and write ONNX, Core ML and TFLite files from it.
5. Reload what was written and judge it against the reference (``parity``).
6. Quantise ``synthesis`` to int8 with the recipe that is most int8 and still passes (``int8``).
7. Measure headroom, estimate placement, and write all reports beside the bundle, passed or not.
8. If every gate passed, seal the bundle; otherwise raise, and there is no bundle.

Equal checkpoints give equal bytes on the same package versions and kind of CPU; ``entropy.bin``
does everywhere.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converters import int8
from converters.bits import ScaleIndices, SymbolCost
from converters.dependencies import require, versions
from converters.export import ExportedPart
from converters.formats import (
    FORMATS,
    Converted,
    Format,
    calibration,
    candidate,
    conversions,
    convert_parts,
    int8_artefact,
)
from converters.headroom import HeadroomReport, measure_headroom
from converters.parity import Point, Reference, judge, observe
from converters.parity_report import ArtefactParity, ParityReport
from converters.placement import place
from converters.proof import prove_entropy
from converters.quiet import quiet
from converters.reports import Reports, reports_folder, write_reports
from converters.runners import torch_runner
from converters.tiles import FOLDER, load_tiles
from pico_deploy import _core
from pico_deploy.bundle import (
    Artefact,
    BundleWriter,
    Contents,
    Manifest,
    Provenance,
    float32_table,
    pixel_fingerprint,
)
from pico_deploy.bundle.fingerprint import file_sha256
from pico_deploy.bundle.manifest import ENTROPY_NAME
from pico_deploy.codecs.protocol import Codec
from pico_deploy.conformance.thresholds import HeadroomLimits, ParityLimits, thresholds
from pico_deploy.entropy.levels import anchor_levels
from pico_deploy.entropy.serialise import to_bytes

Progress = Callable[[int, int, str], None]
"""Called with (done, total, what comes next)."""


@dataclass(frozen=True)
class Conversion:
    """What a conversion made. ``int8`` is None when TFLite or int8 was not asked for."""

    bundle: Path
    reports: Path
    manifest: Manifest
    parity: ParityReport
    headroom: HeadroomReport
    int8: int8.Int8Summary | None


def convert(
    codec: Codec,
    destination: Path,
    *,
    formats: Sequence[Format] = FORMATS,
    with_int8: bool = True,
    with_fp16: bool = True,
    model_version: str = "1",
    preset: str | None = None,
    checkpoint: Path | None = None,
    tiles: Path = FOLDER,
    progress: Progress = lambda done, total, what: None,
) -> Conversion:
    """Convert ``codec`` into the bundle ``destination`` (a folder, or a zip by its suffix).

    ``preset``: name under which the codec's PyTorch form is shipped, if it is. ``checkpoint``: its
    file, for the manifest's provenance. ``with_fp16``: TFLite in fp16 too.
    ``tiles``: folder of pictures for calibration and gates. Reports go to ``<name>.reports``
    beside the bundle.

    Raises ``MissingDependencyError``, ``ConversionError`` (a part cannot be converted or fails a
    gate), ``InputError`` (tiles) or ``OutputError``; in every case there is no partial bundle.
    """
    for name in formats:
        require(name)
    limits = thresholds()
    pictures = load_tiles(codec.geometry.tile, tiles)
    entropy_bin = to_bytes(codec.entropy_model)
    steps = _Steps(progress, codec, len(pictures), formats, with_int8)
    with BundleWriter(destination) as writer, quiet():
        (writer.folder / ENTROPY_NAME).write_bytes(entropy_bin)
        parts = codec.parts("crd")
        reference = Reference(
            codec,
            torch_runner(parts.analysis, "analysis"),
            torch_runner(parts.synthesis, "synthesis"),
            SymbolCost(codec.entropy_model, core_scale_indices(entropy_bin)),
        )
        points = observe(reference, pictures, steps.points("PyTorch on the gate tiles"))
        converted = convert_parts(
            codec, parts, formats, writer.folder, steps.one, tflite_fp16=with_fp16
        )
        verdicts = [
            judge(
                candidate(artefact, writer.folder),
                reference,
                points,
                limits.parity,
                steps.points(f"gate of {artefact.key}"),
            )
            for artefact in converted.artefacts
        ]
        artefacts, summary = list(converted.artefacts), None
        if with_int8 and converted.int8_source is not None:
            made, summary, tried = _best_int8(
                converted, reference, points, limits.parity, writer.folder, steps
            )
            artefacts.append(made)
            verdicts.extend(tried)
        parity = ParityReport(
            codec=codec.name,
            tiles=len(pictures),
            thresholds_sha256=limits.sha256,
            limits=limits.parity,
            artefacts=tuple(verdicts),
        )
        headroom = _headroom(converted.nchw, codec, points, limits.headroom, steps)
        reports = Reports(
            parity=parity,
            headroom=headroom,
            placement=place(artefacts, writer.folder),
            proof=prove_entropy(codec.entropy_model),
            int8=summary,
        )
        write_reports(reports_folder(destination), reports)
        parity.raise_on_failure()
        manifest = writer.seal(
            _contents(codec, artefacts, formats, model_version, preset, checkpoint)
        )
    steps.finish()
    return Conversion(destination, reports_folder(destination), manifest, parity, headroom, summary)


def core_scale_indices(entropy_bin: bytes) -> ScaleIndices:
    """The exact core's integer network, as ``bits`` wants it."""
    model = _core.Model(entropy_bin)

    def run(z: NDArray[np.int8], level: int) -> NDArray[np.uint8]:
        return np.asarray(model.scale_indices(z[None], np.array([level], np.uint8))[0])

    return run


def _best_int8(
    converted: Converted,
    reference: Reference,
    points: Sequence[Point],
    limits: ParityLimits,
    folder: Path,
    steps: _Steps,
) -> tuple[Artefact, int8.Int8Summary, list[ArtefactParity]]:
    """Try recipes from most int8 on and keep the first that passes, or the last, which then fails.

    What was tried and not kept stays in the report, marked as not shipped.
    """
    source = converted.int8_source
    assert source is not None
    steps.one("calibrating int8")
    ranges = calibration(points, source)
    tried: list[ArtefactParity] = []
    recipes = int8.recipes(source.lowered, ("z", "y"), reference.codec.geometry.y_side)
    for number, recipe in enumerate(recipes):
        with tempfile.TemporaryDirectory() as temporary:
            made, summary = int8_artefact(source, ranges, recipe, Path(temporary))
            verdict = judge(
                candidate(made, Path(temporary), recipe.name),
                reference,
                points,
                limits,
                steps.points(f"gate of {recipe.name}"),
            )
            kept = not verdict.failures or number == len(recipes) - 1
            tried.append(verdict.model_copy(update={"shipped": kept}))
            if kept:
                target = folder / made.path
                target.write_bytes((Path(temporary) / made.path).read_bytes())
                return made, summary, tried
    raise AssertionError("recipes() gives at least one recipe")


def _headroom(
    parts: Sequence[ExportedPart],
    codec: Codec,
    points: Sequence[Point],
    limits: HeadroomLimits,
    steps: _Steps,
) -> HeadroomReport:
    """Headroom at the lowest and the highest anchor, where values are extreme."""
    levels = anchor_levels(codec.anchor_table)
    extremes = sorted({levels[0], levels[-1]})
    chosen = [p for p in points if p.level in extremes]
    return measure_headroom(
        parts,
        {
            "analysis": [p.analysis_inputs(codec.geometry) for p in chosen],
            "synthesis": [p.synthesis_inputs() for p in chosen],
        },
        len(chosen) // len(extremes),
        extremes,
        limits,
        steps.points("headroom"),
    )


def _contents(
    codec: Codec,
    artefacts: Sequence[Artefact],
    formats: Sequence[Format],
    model_version: str,
    preset: str | None,
    checkpoint: Path | None,
) -> Contents:
    weights = {name: t.detach().float().numpy() for name, t in codec.synthesis_weights().items()}
    return Contents(
        codec=codec.name,
        model_version=model_version,
        preset=preset,
        geometry=codec.geometry,
        anchor_table=float32_table(codec.anchor_table),
        pixel_fingerprint=pixel_fingerprint(weights).hex(),
        artefacts=tuple(artefacts),
        provenance=Provenance(
            packages=versions(tuple(formats)),
            checkpoint_sha256=file_sha256(checkpoint) if checkpoint else None,
        ),
    )


class _Steps:
    """One running count over all stages; a stage of points counts each of them."""

    def __init__(
        self, progress: Progress, codec: Codec, tiles: int, formats: Sequence[Format], int8: bool
    ) -> None:
        self._progress = progress
        points = len(anchor_levels(codec.anchor_table)) * tiles
        judged = sum(4 if f == "tflite" else 2 for f in formats)
        # int8: at least one recipe is judged; headroom: both parts at two anchors.
        extra = 1 + points if int8 and "tflite" in formats else 0
        self._total = conversions(formats) + points * (1 + judged) + extra + 4 * tiles
        self._done = 0

    def one(self, what: str) -> None:
        """A single step begins."""
        self._progress(self._done, self._total, what)
        self._done += 1

    def points(self, what: str) -> Callable[[int, int], None]:
        """A stage of points begins; returns its own callback."""
        before = self._done

        def report(done: int, total: int) -> None:
            self._done = before + done + 1
            # A second int8 recipe is not in the plan.
            self._total = max(self._total, self._done)
            self._progress(before + done, self._total, what)

        return report

    def finish(self) -> None:
        """All is done."""
        self._progress(self._total, self._total, "done")
