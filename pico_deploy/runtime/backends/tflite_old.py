"""The last ``tflite-runtime`` (2.14), which works with NumPy 1 only: in a Python of its own.

``PICO_TFLITE_PYTHON`` names that Python (``python -m venv old && old/bin/pip install
'tflite-runtime==2.14.0' 'numpy<2'``).
"""

from __future__ import annotations

import os
import subprocess
from types import ModuleType

from pico_deploy.bundle.manifest import PartName, Precision
from pico_deploy.bundle.read import Bundle
from pico_deploy.runtime.backend import BackendOptions, Library, LoadTimer
from pico_deploy.runtime.backends.process import ProcessPart, start

PYTHON = "PICO_TFLITE_PYTHON"


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
    ) -> ProcessPart:
        """Load one part; raises ``BundleError``."""
        artefact = bundle.artefact("tflite", part, precision)
        timer = LoadTimer("tflite-old", self._library)
        worker = start([self._python], "tflite_runtime", bundle, artefact)
        return ProcessPart(worker, artefact, timer.report(artefact.precision))
