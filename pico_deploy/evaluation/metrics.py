"""What a decoded picture is judged by. Each metric names everything its figures depend on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import metadata
from itertools import pairwise
from typing import Any

import numpy as np

from pico_deploy.conformance.pixels import Pixels, compare_pixels, pixels_sha256
from pico_deploy.errors import MissingDependencyError
from pico_deploy.evaluation.artefacts import seam_error, text_l1

_EXTRA = "pip install 'pico-deploy[evaluate]'"
CELL = 1024
"""Networks see larger photos in cells of this side, for the memory; their mean counts."""
MS_SSIM_SMALLEST = 161


@dataclass(frozen=True)
class Metric:
    """A figure of two pictures ``uint8 [H, W, 3]``, original first.

    ``compare`` gives None where the figure is not defined. ``scale`` maps it to a scale that rises
    with quality, over which rates are compared (``scale_name`` says which); None: the figure has a
    column in the tables, and no curve.
    """

    name: str
    identity: str
    # Functions are not compared: metrics of one identity are equal.
    compare: Callable[[Pixels, Pixels], float | None] = field(compare=False)
    scale: Callable[[float], float] | None = field(compare=False)
    scale_name: str = ""
    digits: int = 3


def negative_decibel(distance: float) -> float:
    """−10 log₁₀ of a distance whose zero is perfect."""
    return math.inf if distance <= 0 else -10 * math.log10(distance)


def _psnr(_payload: int) -> Metric:
    def compare(reference: Pixels, found: Pixels) -> float:
        return compare_pixels(reference, found).psnr_db

    return Metric("PSNR", "RGB PSNR 1", compare, lambda db: db, "RGB PSNR, dB", 2)


def _tensor(pixels: Pixels) -> Any:
    import torch

    # a copy, because decoders may hand out arrays that must not be written
    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None].float() / 255


def _cells(pixels: Pixels) -> list[tuple[slice, slice]]:
    """Cells of about equal size, none larger than ``CELL``."""

    def cut(length: int) -> list[slice]:
        bounds = np.linspace(0, length, -(-length // CELL) + 1).astype(int)
        return [slice(a, b) for a, b in pairwise(bounds)]

    return [(rows, columns) for rows in cut(pixels.shape[0]) for columns in cut(pixels.shape[1])]


def _ms_ssim(_payload: int) -> Metric:
    try:
        from pytorch_msssim import ms_ssim
    except ImportError as error:
        raise MissingDependencyError(f"MS-SSIM needs pytorch-msssim: {_EXTRA}") from error

    def compare(reference: Pixels, found: Pixels) -> float | None:
        import torch

        if min(reference.shape[:2]) < MS_SSIM_SMALLEST:
            return None
        with torch.no_grad():
            return float(ms_ssim(_tensor(reference), _tensor(found), data_range=1.0))

    version = f"MS-SSIM of RGB, pytorch-msssim {metadata.version('pytorch-msssim')}"
    return Metric(
        "MS-SSIM",
        version,
        compare,
        lambda value: negative_decibel(1 - value),
        "MS-SSIM, −10 log₁₀(1 − MS-SSIM)",
        4,
    )


def _ssimulacra2(_payload: int) -> Metric:
    try:
        from pico_deploy.evaluation.ssimulacra2 import ssimulacra2
    except ImportError as error:
        raise MissingDependencyError(f"SSIMULACRA 2 needs ssimulacra2: {_EXTRA}") from error

    version = f"ssimulacra2 {metadata.version('ssimulacra2')}"
    return Metric("SSIMULACRA 2", version, ssimulacra2, lambda score: score, "SSIMULACRA 2", 2)


def _lpips(_payload: int) -> Metric:
    try:
        import torch

        from pico_deploy.training.perceptual.lpips import load_lpips, lpips_version
    except ImportError as error:
        raise MissingDependencyError(f"LPIPS needs torch: {_EXTRA}") from error
    network: Any = load_lpips()  # Any, because torch's stubs of to() lack the layout
    network.to(memory_format=torch.channels_last)  # 40 % less time on a CPU
    known: dict[str, list[list[Any]]] = {}

    def features(cell: Pixels) -> list[Any]:
        found: list[Any] = network.features(_tensor(cell))
        return found

    def compare(reference: Pixels, found: Pixels) -> float:
        with torch.no_grad():
            cells = _cells(reference)
            key = pixels_sha256(reference)
            if key not in known:  # of one photo only, because they take 100 bytes a pixel and more
                known.clear()
                known[key] = [features(reference[cell]) for cell in cells]
            areas = [found[cell].size for cell in cells]
            total = sum(
                area * float(network.distance(original, features(found[cell])))
                for cell, area, original in zip(cells, areas, known[key], strict=True)
            )
        return total / sum(areas)

    return Metric(
        "ST-LPIPS",
        f"ST-LPIPS, {lpips_version()}, cells of {CELL}",
        compare,
        negative_decibel,
        "ST-LPIPS, −10 log₁₀",
        4,
    )


def _text(_payload: int) -> Metric:
    from pico_deploy.training.perceptual.text_mask import load_text_detector

    detector = load_text_detector()

    @lru_cache(maxsize=2)
    def mask(data: bytes, shape: tuple[int, ...]) -> Any:
        return detector.mask(np.frombuffer(data, np.uint8).reshape(shape))

    def compare(reference: Pixels, found: Pixels) -> float | None:
        return text_l1(reference, found, mask(reference.tobytes(), reference.shape))

    return Metric("text L1", f"text L1, {detector.version}", compare, None, digits=4)


def _seams(payload: int) -> Metric:
    def compare(reference: Pixels, found: Pixels) -> float | None:
        return seam_error(reference, found, payload)

    return Metric("seam error", f"seam error 1, tiles of {payload}", compare, None, digits=5)


METRICS: dict[str, Callable[[int], Metric]] = {
    "psnr": _psnr,
    "ms-ssim": _ms_ssim,
    "ssimulacra2": _ssimulacra2,
    "lpips": _lpips,
    "text": _text,
    "seams": _seams,
}
"""Name → maker, which takes the payload side of the model's tiles in pixels and raises
``MissingDependencyError`` where the figure cannot be computed."""
