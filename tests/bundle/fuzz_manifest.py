"""Coverage-guided fuzzing of the manifest with atheris (extra `fuzz`):

    python tests/bundle/fuzz_manifest.py -max_total_time=60 FOLDER

The inputs of the corpus in the tree go into FOLDER first, and what reaches more code than they do
is added. Guided by our own validators; the JSON parser below them is compiled and not instrumented.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import atheris

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[2])]

# An editable install has a loader of its own, which atheris says it instruments and does not.
# Behind the others it is asked for the compiled module only.
sys.meta_path.sort(key=lambda finder: type(finder).__name__ == "ScikitBuildRedirectingFinder")

with atheris.instrument_imports(include=["pico_deploy.bundle.manifest"]):
    import manifest_mutations


def mutator(data: bytes, largest: int, seed: int) -> bytes:
    """Changes of the tree; what is too long is left to the fuzzer's own changes."""
    changed = manifest_mutations.mutate(data, random.Random(seed))
    return changed if len(changed) <= largest else atheris.Mutate(data, largest)


def one_input(data: bytes) -> None:
    """A promise that is broken raises."""
    manifest_mutations.require_sound_or_refused(data)


if __name__ == "__main__":
    if (folder := Path(sys.argv[-1])).is_dir() and "-merge=1" not in sys.argv:
        manifest_mutations.unpack_corpus(folder)
    command = f"{sys.executable} {sys.argv[0]}"  # how libFuzzer runs this again, to merge
    arguments = [command, *sys.argv[1:], "-max_len=200000"]
    atheris.Setup(arguments, one_input, custom_mutator=mutator)
    atheris.Fuzz()
