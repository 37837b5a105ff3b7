"""The last ``tflite-runtime`` (2.14), which works with NumPy 1 only: in a Python of its own.

``PICO_TFLITE_PYTHON`` names that Python (``python -m venv old && old/bin/pip install
'tflite-runtime==2.14.0' 'numpy<2'``). Both sides send arrays over pipes; the
other one is ``tflite_old_worker.py``, which needs nothing but its two packages.
"""

from __future__ import annotations

import io
import os
import struct
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import IO, cast

import numpy as np

from pico_deploy.bundle.manifest import Artefact, PartName, Precision, Role, Tensor
from pico_deploy.bundle.read import Bundle
from pico_deploy.errors import BundleError
from pico_deploy.runtime.backend import (
    Array,
    BackendOptions,
    Library,
    LoadReport,
    LoadTimer,
    canonical,
)

PYTHON = "PICO_TFLITE_PYTHON"
WORKER = Path(__file__).with_name("tflite_old_worker.py")


class OldTflitePart:
    """An interpreter in another process, which ends with this object."""

    def __init__(self, worker: subprocess.Popen[bytes], artefact: Artefact, report: LoadReport):
        self._worker = worker
        self._outputs = artefact.outputs
        self.inputs: Mapping[Role, Tensor] = {t.role: t for t in artefact.inputs}
        self.report = report

    def __call__(self, inputs: Mapping[Role, Array]) -> dict[Role, Array]:
        """Run once; see ``LoadedPart``."""
        into, out = _pipes(self._worker)
        for role in self.inputs:
            data = io.BytesIO()  # a pipe cannot seek, which numpy would
            np.save(data, inputs[role], allow_pickle=False)
            into.write(struct.pack("<Q", data.tell()) + data.getvalue())
        into.flush()
        return {tensor.role: canonical(_array(out), tensor) for tensor in self._outputs}

    def __del__(self) -> None:
        self._worker.kill()
        self._worker.communicate()


class OldTfliteBackend:
    """Raises ``ImportError`` where no such Python is named."""

    def __init__(self, options: BackendOptions) -> None:
        python = os.environ.get(PYTHON)
        if not python:
            raise ImportError(f"{PYTHON} names no Python with tflite-runtime and numpy < 2")
        probe = "import numpy, tflite_runtime as t; print(t.__version__)"
        try:
            done = subprocess.run([python, "-c", probe], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise ImportError(f"{python} has no tflite-runtime that can be imported") from error
        self._python = python
        self._library = Library(ModuleType("none"), "tflite-runtime", done.stdout.strip(), 0)

    def load(
        self, bundle: Bundle, part: PartName, precision: Precision | None = None
    ) -> OldTflitePart:
        """Load one part; raises ``BundleError``."""
        artefact = bundle.artefact("tflite", part, precision)
        timer = LoadTimer("tflite-old", self._library)
        names = [t.name for t in artefact.inputs], [t.name for t in artefact.outputs]
        with tempfile.NamedTemporaryFile(suffix=".tflite") as model:
            model.write(bundle.read(artefact.path))
            model.flush()
            worker = subprocess.Popen(
                [self._python, str(WORKER), model.name, ",".join(names[0]), ",".join(names[1])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            _, out = _pipes(worker)
            if out.readline() != b"ready\n":
                words = worker.communicate()[1].decode(errors="replace").strip().splitlines()
                raise BundleError(
                    f"{bundle.path}: {artefact.path} does not load in tflite-runtime "
                    f"{self._library.version} ({words[-1] if words else 'it said nothing'})"
                )
        return OldTflitePart(worker, artefact, timer.report(artefact.precision))


def _array(pipe: IO[bytes]) -> Array:
    head = pipe.read(8)
    if len(head) < 8:
        raise BundleError("tflite-runtime ended in the middle of a run")
    array: Array = np.load(io.BytesIO(pipe.read(*struct.unpack("<Q", head))), allow_pickle=False)
    return array


def _pipes(worker: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    return cast(IO[bytes], worker.stdin), cast(IO[bytes], worker.stdout)
