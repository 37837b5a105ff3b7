"""Real AArch64 builds of ONNX Runtime and LiteRT under qemu: their NEON kernels, an emulated CPU.

The files come from :mod:`pico_deploy.conformance.arm_files`, once. Slow: some hundred times slower
than this CPU, so it is for tiles of 128 pixels.
"""

from __future__ import annotations

from types import ModuleType
from typing import Literal

from pico_deploy.bundle.manifest import PartName, Precision, RuntimeName
from pico_deploy.bundle.read import Bundle
from pico_deploy.conformance import arm_files
from pico_deploy.runtime.backend import BackendOptions, Library, LoadTimer
from pico_deploy.runtime.backends.process import ProcessPart, start

ArmLibrary = Literal["onnxruntime", "ai_edge_litert"]
_ARTEFACTS: dict[ArmLibrary, RuntimeName] = {"onnxruntime": "onnx", "ai_edge_litert": "tflite"}


class ArmBackend:
    """Raises ``ImportError`` where the files or qemu are missing."""

    def __init__(
        self, options: BackendOptions, *, library: ArmLibrary, cpu: arm_files.Cpu = "cortex-a76"
    ) -> None:
        self._command = arm_files.python(cpu)
        self._name: ArmLibrary = library
        version = f"{arm_files.VERSIONS[library]} for AArch64 on an emulated {cpu}"
        self._library = Library(ModuleType("none"), library, version, 0)

    def load(
        self, bundle: Bundle, part: PartName, precision: Precision | None = None
    ) -> ProcessPart:
        """Load one part; raises ``BundleError``."""
        artefact = bundle.artefact(_ARTEFACTS[self._name], part, precision)
        timer = LoadTimer(f"{self._name}-arm64", self._library)
        worker = start(self._command, self._name, bundle, artefact)
        return ProcessPart(worker, artefact, timer.report(artefact.precision))
