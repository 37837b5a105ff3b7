"""A runtime in another Python process: one that needs other packages, or another CPU."""

from __future__ import annotations

import io
import struct
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, cast

import numpy as np

from pico_deploy.bundle.manifest import Artefact, Role, RuntimeName, Tensor
from pico_deploy.bundle.read import Bundle
from pico_deploy.errors import BundleError, last_line
from pico_deploy.runtime.backend import Array, LoadReport, canonical

WORKER = Path(__file__).with_name("worker.py")
_LAST_WORDS_S = 5.0
_SUFFIXES: dict[RuntimeName, str] = {"onnx": ".onnx", "tflite": ".tflite"}


class ProcessPart:
    """A part that runs in a process of its own, which ends with this object."""

    def __init__(
        self, worker: subprocess.Popen[bytes], artefact: Artefact, report: LoadReport
    ) -> None:
        self._worker = worker
        self._outputs = artefact.outputs
        self.inputs: Mapping[Role, Tensor] = {t.role: t for t in artefact.inputs}
        self.report = report

    def __call__(self, inputs: Mapping[Role, Array]) -> dict[Role, Array]:
        """Run once; see ``LoadedPart``. Raises ``BundleError`` when the process ends."""
        into, out = _pipes(self._worker)
        try:
            for role in self.inputs:
                data = io.BytesIO()  # a pipe cannot seek, which numpy would
                np.save(data, inputs[role], allow_pickle=False)
                into.write(struct.pack("<Q", data.tell()) + data.getvalue())
            into.flush()
            return {tensor.role: canonical(_array(out), tensor) for tensor in self._outputs}
        except (OSError, struct.error) as error:
            raise BundleError(
                f"{self.report.library} {self.report.version} ended in the middle of a run "
                f"({last_words(self._worker)})"
            ) from error

    def __del__(self) -> None:
        self._worker.kill()
        self._worker.communicate()


def start(
    command: Sequence[str], library: str, bundle: Bundle, artefact: Artefact
) -> subprocess.Popen[bytes]:
    """Start ``command`` (a Python, with whatever runs it) on an artefact and wait until it is
    loaded.

    Raises ``BundleError`` when the library refuses it.
    """
    names = [",".join(t.name for t in tensors) for tensors in (artefact.inputs, artefact.outputs)]
    with tempfile.NamedTemporaryFile(suffix=_SUFFIXES[artefact.runtime]) as model:
        model.write(bundle.read(artefact.path))
        model.flush()
        worker = subprocess.Popen(
            [*command, str(WORKER), library, model.name, *names],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        if _pipes(worker)[1].readline() != b"ready\n":
            raise BundleError(
                f"{bundle.path}: {artefact.path} does not load in {library} ({last_words(worker)})"
            )
    return worker


def last_words(worker: subprocess.Popen[bytes]) -> str:
    """The last line that a process wrote before it ended."""
    try:
        said = worker.communicate(timeout=_LAST_WORDS_S)[1]  # it is ending: let it finish its line
    except subprocess.TimeoutExpired:
        worker.kill()
        said = worker.communicate()[1]
    return last_line(said.decode(errors="replace"))


def _array(pipe: IO[bytes]) -> Array:
    array: Array = np.load(
        io.BytesIO(pipe.read(*struct.unpack("<Q", pipe.read(8)))), allow_pickle=False
    )
    return array


def _pipes(worker: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    return cast(IO[bytes], worker.stdin), cast(IO[bytes], worker.stdout)
