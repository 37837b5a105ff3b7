"""Where a picture has text: the detector of PP-OCRv4 as ``rapidocr_onnxruntime`` ships it.

The network gives the probability that a pixel belongs to the *kernel* of a line of text, which is
the line shrunk (differentiable binarisation, arXiv 1911.08947). Kernels become boxes, grown back by
the usual rule. Boxes are upright: enough for a mask, and without the geometry packages that the
whole reader needs. Only the model file of that package is read; none of its code runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from pico_deploy.errors import MissingDependencyError

PACKAGE = "rapidocr_onnxruntime"
_MODEL = Path("models/ch_PP-OCRv4_det_infer.onnx")
_MISSING = f"the text mask needs the detector of {PACKAGE}: pip install --no-deps {PACKAGE}"
# Values of the package's own configuration.
SHORT_SIDE = 736
KERNEL_PROBABILITY = 0.3
BOX_PROBABILITY = 0.5
SMALLEST_SIDE = 3
GROWTH = 1.6

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


def boxes_of(probability: npt.NDArray[np.float32]) -> list[tuple[slice, slice]]:
    """Boxes (rows, columns) of lines of text in a map of kernels, ``float32 [H, W]`` in 0…1."""
    from scipy import ndimage

    kernels, _ = ndimage.label(probability > KERNEL_PROBABILITY)
    height, width = probability.shape
    boxes = []
    for number, place in enumerate(ndimage.find_objects(kernels), 1):
        rows, columns = place
        sides = (rows.stop - rows.start, columns.stop - columns.start)
        certain = float(probability[place][kernels[place] == number].mean())
        if min(sides) < SMALLEST_SIDE or certain < BOX_PROBABILITY:
            continue
        grow = round(GROWTH * sides[0] * sides[1] / (2 * sum(sides)))
        boxes.append(
            (
                slice(max(0, rows.start - grow), min(height, rows.stop + grow)),
                slice(max(0, columns.start - grow), min(width, columns.stop + grow)),
            )
        )
    return boxes


@dataclass(frozen=True)
class TextDetector:
    """The detector on ONNX Runtime; ``version`` names its model."""

    session: Any
    version: str

    def mask(self, pixels: Pixels) -> Mask:
        """True where ``pixels [H, W, 3]`` has text, ``bool [H, W]``."""
        height, width = pixels.shape[:2]
        scale = max(1.0, SHORT_SIDE / min(height, width))
        size = tuple(max(32, round(side * scale / 32) * 32) for side in (width, height))
        scaled = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))
        # The network was trained on BGR.
        x = (scaled[None, ..., ::-1].astype(np.float32) / 127.5 - 1).transpose(0, 3, 1, 2)
        name = self.session.get_inputs()[0].name
        probability = self.session.run(None, {name: np.ascontiguousarray(x)})[0][0, 0]
        found = np.zeros(probability.shape, np.uint8)
        for box in boxes_of(probability):
            found[box] = 255
        back = Image.fromarray(found).resize((width, height), Image.Resampling.NEAREST)
        return np.asarray(back) > 0


def load_text_detector(threads: int = 1) -> TextDetector:
    """Raises ``MissingDependencyError`` when the model is not installed."""
    found = util.find_spec(PACKAGE)
    path = None if found is None or found.origin is None else Path(found.origin).parent / _MODEL
    if path is None or not path.is_file():
        raise MissingDependencyError(_MISSING)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    version = f"PP-OCRv4 detector of {PACKAGE} {metadata.version(PACKAGE)}"
    return TextDetector(session, version)
