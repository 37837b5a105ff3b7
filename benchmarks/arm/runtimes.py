"""Real AArch64 builds of ONNX Runtime and LiteRT beside those of this machine: encode on each,
decode on each, under qemu. ``runtimes.py --out out/arm-runtimes``; the first run takes some
minutes, because it makes the AArch64 system and converts the conformance model to TFLite.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

from converters.convert import convert
from pico_deploy.codecs.registry import load_codec
from pico_deploy.conformance import arm_files
from pico_deploy.conformance.heat_map import table, write_side_by_side
from pico_deploy.conformance.images import photo_like, text_like
from pico_deploy.conformance.summary import verdict_line
from pico_deploy.conformance.verify import Job, verify_bundle
from pico_deploy.errors import run_script
from pico_deploy.runtime.backend import BackendOptions

MODEL = Path(__file__).resolve().parents[2] / "conformance/model/conformance.safetensors"
RUNTIMES = ("torch", "onnx", "tflite", "onnx-arm64", "onnx-arm64-a53", "tflite-arm64")
IMAGES = {"one-tile": photo_like(100, 110), "two-tiles": text_like(110, 200)}
LEVEL = 40


def main() -> None:
    """Make what is missing, verify, write the figures, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/arm-runtimes"))
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    arm_files.make()
    bundle = folder / "conformance.bundle"
    if not bundle.is_dir():
        codec = load_codec(str(MODEL))
        convert(codec, bundle, formats=("onnx", "tflite"), with_int8=False, with_fp16=False)
    pictures = []
    for name, pixels in IMAGES.items():
        path = folder / f"{name}.png"
        Image.fromarray(pixels).save(path)
        pictures.append(path)
    options = BackendOptions(threads=1, weights=MODEL)
    job = Job(bundle, tuple(pictures), RUNTIMES, (LEVEL,), options, side_by_side=True)
    found = verify_bundle(job, lambda done, total, what: print(f"{done} of {total}: {what}"))
    write_side_by_side(found, folder)
    print(table(found) + verdict_line(found))
    found.require()


if __name__ == "__main__":
    run_script(main)
