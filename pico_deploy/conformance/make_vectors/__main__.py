"""Make the conformance vectors anew: ``python -m pico_deploy.conformance.make_vectors --set N``.

Nothing runs this silently: N must be one more than the set that is there, the result is committed,
and every runner reports which set it judged by.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pico_deploy.conformance.make_vectors.conformance_set import make
from pico_deploy.errors import PicoError


def main() -> int:
    """Parse, make, print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make_vectors", description=__doc__)
    parser.add_argument("--set", type=int, required=True, help="version of the set: old + 1")
    parser.add_argument("--model", type=Path, default=Path("conformance/model"))
    parser.add_argument("--photos", type=Path, default=Path("converters/tiles"))
    parser.add_argument("--output", type=Path, default=Path("conformance/vectors"))
    arguments = parser.parse_args()
    try:
        names = make(arguments.model, arguments.photos, arguments.output, arguments.set)
    except PicoError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{len(names)} vectors of set {arguments.set} in {arguments.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
