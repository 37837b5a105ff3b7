"""The whole way, once: convert the shipped weights, round-trip a 12 MP photo on three runtimes,
verify, measure.

Every step is a command a user can type; this script types them in order and says where to look.
"""

from __future__ import annotations

import argparse
import io
import shlex
import subprocess
import sys
import time
from pathlib import Path

from PIL import Image, ImageDraw

HERE = Path(__file__).resolve().parent
LEVEL = 30
RUNTIMES = ("onnx", "tflite", "torch")
# Left, top of the crops shown, in the demo photo: bark, foliage, sky with a branch.
CROPS = ((2120, 1780), (2700, 2250), (1500, 560))
CROP_SIZE = (480, 360)


def command(*arguments: str | Path) -> None:
    """Run ``pico-deploy`` with ``arguments``, showing the line; stop at the first failure."""
    words = [str(a) for a in arguments]
    print(f"\n$ pico-deploy {shlex.join(words)}", flush=True)
    started = time.monotonic()
    code = subprocess.call([str(Path(sys.executable).parent / "pico-deploy"), *words])
    if code:
        sys.exit(code)
    print(f"  ({time.monotonic() - started:.1f} s)", flush=True)


def at_size(photo: Image.Image, kind: str, target: int) -> tuple[Image.Image, int]:
    """Re-encode ``photo`` as ``kind`` at the highest quality that stays within ``target`` bytes."""
    options = {"JPEG": {"optimize": True, "subsampling": "4:2:0"}, "WEBP": {"method": 4}}[kind]
    low, high, best = 1, 95, b""
    while low <= high:
        quality = (low + high) // 2
        buffer = io.BytesIO()
        photo.save(buffer, kind, quality=quality, **options)
        if buffer.tell() <= target:
            best, low = buffer.getvalue(), quality + 1
        else:
            high = quality - 1
    if not best:
        buffer = io.BytesIO()
        photo.save(buffer, kind, quality=1, **options)
        best = buffer.getvalue()
    return Image.open(io.BytesIO(best)).convert("RGB"), len(best)


def comparison(photo_path: Path, decoded_path: Path, stream: Path, out: Path) -> None:
    """Picture of crops: original, decoded, JPEG and WebP of the same size."""
    photo = Image.open(photo_path).convert("RGB")
    size = stream.stat().st_size
    jpeg, jpeg_size = at_size(photo, "JPEG", size)
    webp, webp_size = at_size(photo, "WEBP", size)
    columns = [
        ("original", photo),
        (f"pico-s, {size:,} bytes", Image.open(decoded_path).convert("RGB")),
        (f"JPEG, {jpeg_size:,} bytes", jpeg),
        (f"WebP, {webp_size:,} bytes", webp),
    ]
    width, height = CROP_SIZE
    sheet = Image.new(
        "RGB", (len(columns) * (width + 4) - 4, len(CROPS) * (height + 4) + 26), "white"
    )
    draw = ImageDraw.Draw(sheet)
    for i, (title, image) in enumerate(columns):
        draw.text((i * (width + 4) + 6, 5), title, fill="black", font_size=16)
        for k, (left, top) in enumerate(CROPS):
            crop = image.crop((left, top, left + width, top + height))
            sheet.paste(crop, (i * (width + 4), 26 + k * (height + 4)))
    sheet.save(out)


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/demo"))
    parser.add_argument("--photo", type=Path, default=HERE / "photo.jpg")
    options = parser.parse_args()
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    bundle, stream, result = out / "pico-s.bundle", out / "photo.pico", out / "host.json"
    command("convert", "pico-s", "-o", bundle)
    command("encode", options.photo, stream, "--bundle", bundle, "--level", str(LEVEL))
    for runtime in RUNTIMES:
        command(
            "decode", stream, out / f"photo-{runtime}.png", "--bundle", bundle, "--runtime", runtime
        )
    command("inspect", stream)
    command("verify", bundle)
    command("bench", bundle, "--target", "host", "--photo", options.photo, "--output", result)
    command("report", result, "-o", out / "report.html")
    comparison(options.photo, out / "photo-onnx.png", stream, out / "crops.png")
    print(f"\nLook at {out}/crops.png (crops beside JPEG and WebP of the same size),")
    print(f"        {out}/report.html (latency of every phase on this host, no phone),")
    print(f"        {bundle} (what an app ships) and the reports beside it.")


if __name__ == "__main__":
    main()
