"""The Kotlin pipeline with the conformance model's real networks, against the Python runtime: the
same stream byte for byte, the same symbols, the same pixels.

ONNX Runtime runs the networks in a process of its own behind a pipe, because its Java library is
not to be had here; everything around them is what runs on a phone.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from android_build import HERE
from test_kit import BUNDLE, HEIGHT, WIDTH, bench

from pico_deploy.conformance.pixels import pixels_sha256
from pico_deploy.conformance.symbols import SymbolRecorder, image_sha256
from pico_deploy.measure.result import Hashes, Result
from pico_deploy.runtime.backend import BackendOptions
from pico_deploy.runtime.decode import decode, open_stream
from pico_deploy.runtime.encode import encode
from pico_deploy.runtime.photo import ArrayPixels
from pico_deploy.runtime.picture import ArraySink
from pico_deploy.runtime.session import Session

LEVEL = 20


def synthetic(width: int, height: int) -> npt.NDArray[np.uint8]:
    """The picture that the Kotlin kit makes for itself, uint8 [height, width, 3]."""
    image = np.zeros((height, width, 3), np.uint8)
    noise = 0x9E3779B9
    for row in range(height):
        for column in range(width):
            noise = (noise * 1664525 + 1013904223) & 0xFFFFFFFF
            base = (24 if (row // 64 + column // 64) % 2 == 0 else 0) + (noise >> 29)
            slope = 100 + 100 * (row + column) // (width + height)
            values = (
                200 * column // width + base,
                200 * row // height + base,
                slope + (noise >> 29),
            )
            image[row, column] = np.clip(values, 0, 255)
    return image


@pytest.fixture(scope="module")
def of_python() -> tuple[str, Hashes]:
    """Hash of the picture, and of what Python makes of it."""
    pixels = synthetic(WIDTH, HEIGHT)
    emitted = SymbolRecorder()
    with Session.open(BUNDLE) as session:
        options = BackendOptions(threads=1)
        analysis = session.load("analysis", "onnx", None, options)
        synthesis = session.load("synthesis", "onnx", None, options)
        stream = encode(ArrayPixels(pixels), session, analysis, LEVEL, observer=emitted)
        sink = ArraySink()
        decode(open_stream(stream, session), session, synthesis, sink)
    symbols = image_sha256(emitted.tiles)
    return pixels_sha256(pixels), Hashes(
        emitted_symbols_sha256=symbols,
        decoded_symbols_sha256=symbols,
        stream_sha256=hashlib.sha256(stream).hexdigest(),
        decoded_pixels_sha256=pixels_sha256(sink.pixels()),
    )


def with_channels_last(folder: Path, but: str = "") -> Path:
    """A bundle that has the same networks as TFLite would hold them, NHWC; of the role ``but`` it
    says otherwise.
    """
    bundle = folder / "nhwc.bundle"
    shutil.copytree(BUNDLE, bundle)
    manifest = json.loads((bundle / "manifest.json").read_text())
    for artefact in list(manifest["artefacts"]):
        turned = json.loads(json.dumps(artefact)) | {"runtime": "tflite"}
        for tensor in (*turned["inputs"], *turned["outputs"]):
            if tensor["layout"] == "nchw" and tensor["role"] != but:
                batch, channels, rows, columns = tensor["shape"]
                tensor |= {"layout": "nhwc", "shape": [batch, rows, columns, channels]}
        manifest["artefacts"].append(turned)
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    return bundle


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_kotlin_makes_the_stream_and_the_pixels_that_python_makes(
    tmp_path: Path, of_python: tuple[str, Hashes], layout: str
) -> None:
    bundle = BUNDLE if layout == "nchw" else with_channels_last(tmp_path)
    parts = f"{sys.executable} {HERE / 'part_server.py'} {bundle}"
    runtime = "onnx" if layout == "nchw" else "tflite"
    code, output = bench(bundle, parts=parts, runtime=runtime)
    assert code == 0, output
    result = Result.model_validate_json(output)
    assert result.workload.pixels_sha256 == of_python[0]
    assert result.runs[0].hashes == of_python[1]


def test_control_a_tensor_that_lies_otherwise_than_the_manifest_says_is_seen(
    tmp_path: Path, of_python: tuple[str, Hashes]
) -> None:
    bundle = with_channels_last(tmp_path, but="x_hat")
    parts = f"{sys.executable} {HERE / 'part_server.py'} {bundle}"
    code, output = bench(bundle, parts=parts, runtime="tflite")
    assert code == 0, output
    found = Result.model_validate_json(output).runs[0].hashes
    assert found.stream_sha256 == of_python[1].stream_sha256
    assert found.decoded_pixels_sha256 != of_python[1].decoded_pixels_sha256
