"""Makes the corpus of the manifest's fuzz target, `tests/bundle/manifest_corpus.zip`:

    python tests/bundle/make_manifest_corpus.py --seconds 300

Run it again after a change of the validators. Of the sound manifest, the present corpus and what
fuzzing finds, the smallest set of inputs is kept that reaches the same code, and with it one that
a test needs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from manifest_mutations import CORPUS, SEED_MANIFEST

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "core/fuzz"))

import make_corpus  # noqa: E402 - found through the line above


def leads_outside() -> bytes:
    """A manifest with nothing wrong but the path of an artefact."""
    sound = SEED_MANIFEST.read_text(encoding="utf-8")
    text = sound.replace('"onnx/analysis.onnx"', '"../analysis.onnx"')
    assert text.count("../analysis.onnx") == 2  # where it is listed, and where it is used
    return text.encode()


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description="Make the corpus of the manifest's fuzz target.")
    parser.add_argument("--seconds", type=int, default=300, help="of fuzzing")
    options = parser.parse_args()
    fuzzer = [sys.executable, str(HERE / "fuzz_manifest.py")]
    with tempfile.TemporaryDirectory() as found, tempfile.TemporaryDirectory() as smallest:
        (Path(found) / "sound").write_bytes(SEED_MANIFEST.read_bytes())
        subprocess.run([*fuzzer, f"-max_total_time={options.seconds}", found], check=True)
        subprocess.run([*fuzzer, "-merge=1", smallest, found], check=True)
        (Path(smallest) / "control").write_bytes(leads_outside())
        print(f"{make_corpus.pack(Path(smallest), CORPUS)} inputs, {CORPUS.stat().st_size} bytes")


if __name__ == "__main__":
    main()
