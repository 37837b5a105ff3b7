"""A part of a bundle on ONNX Runtime behind a pipe, so that the Kotlin kit can run a real network
on a JVM: ``part_server.py BUNDLE PART LAYOUT``. Float32 tensors in the manifest's order go in and
come out; with LAYOUT nhwc their channels are last, as TFLite has them.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import onnxruntime

Tensor = npt.NDArray[np.float32]


def read(source: BinaryIO, shape: list[int], channels_last: bool) -> Tensor | None:
    """The next tensor, None at the end."""
    data = source.read(4 * math.prod(shape))
    if not data:
        return None
    if not channels_last or len(shape) != 4:
        return np.frombuffer(data, "<f4").reshape(shape)
    batch, channels, rows, columns = shape
    tensor = np.frombuffer(data, "<f4").reshape(batch, rows, columns, channels)
    return np.ascontiguousarray(tensor.transpose(0, 3, 1, 2))


def main(folder: Path, part: str, layout: str) -> None:
    """Answer until the other side closes the pipe."""
    manifest = json.loads((folder / "manifest.json").read_text())
    artefact = next(
        a for a in manifest["artefacts"] if a["part"] == part and a["runtime"] == "onnx"
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / artefact["path"], options)
    outputs = [tensor["name"] for tensor in artefact["outputs"]]
    last = layout == "nhwc"
    while True:
        values = [read(sys.stdin.buffer, t["shape"], last) for t in artefact["inputs"]]
        if values[0] is None:
            return
        names = [tensor["name"] for tensor in artefact["inputs"]]
        for output in session.run(outputs, dict(zip(names, values, strict=True))):
            turned = output.transpose(0, 2, 3, 1) if last else output
            sys.stdout.buffer.write(np.ascontiguousarray(turned, "<f4").tobytes())
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
