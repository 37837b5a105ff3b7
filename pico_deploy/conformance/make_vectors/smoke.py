"""The smoke vector of shipped weights, made anew whenever they are:
``python -m pico_deploy.conformance.make_vectors.smoke BUNDLE --set N``.

One tile of a photo: a set of its own beside the conformance set, which never changes. Its index
names the weights' own ``entropy.bin``, which is in the weights and is not stored a second time.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from pico_deploy.conformance.make_vectors.photos import Maker, crop
from pico_deploy.conformance.make_vectors.write import require_next_version, write_set
from pico_deploy.conformance.vector_set import MODELS
from pico_deploy.errors import PicoError
from pico_deploy.runtime.session import Session

LEVEL = 35
WIDTH, HEIGHT = 176, 136


def make(bundle: Path, photos: Path, folder: Path, version: int) -> tuple[str, ...]:
    """Write the set ``folder/NAME`` of a bundle; returns the vectors' names."""
    with Session.open(bundle) as session:
        name = session.manifest.codec.lower()
        output = folder / name
        require_next_version(output, version)
        scene = crop(photos, "kitten", 150, 160, WIDTH, HEIGHT)
        draft = Maker(session, name).draft(scene, f"smoke-{LEVEL}", LEVEL)
        names = write_set(output, version, {name: session.bundle.entropy_bin()}, [draft])
    shutil.rmtree(output / MODELS)
    return names


def main() -> int:
    """Parse, make, print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make_vectors.smoke", description=__doc__)
    parser.add_argument("bundle", type=Path, help="with ONNX parts in fp32")
    parser.add_argument("--set", type=int, required=True, help="version of the set: old + 1")
    parser.add_argument("--photos", type=Path, default=Path("converters/tiles"))
    parser.add_argument("--output", type=Path, default=Path("conformance/smoke"))
    arguments = parser.parse_args()
    try:
        names = make(arguments.bundle, arguments.photos, arguments.output, arguments.set)
    except PicoError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{', '.join(names)} of set {arguments.set} in {arguments.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
