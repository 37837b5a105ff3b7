"""TFLite on the CPU, through whichever of its three packages is installed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

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
    import_library,
)

# (distribution, module that has Interpreter), in order of preference.
LIBRARIES = (
    ("ai-edge-litert", "ai_edge_litert.interpreter"),
    ("tensorflow", "tensorflow.lite"),
    ("tflite-runtime", "tflite_runtime.interpreter"),
)


def find_library() -> Library:
    """Import the first package that can run here; raises ``ImportError`` saying why none can."""
    reasons = []
    for distribution, module in LIBRARIES:
        if distribution == "tflite-runtime" and int(np.__version__.split(".")[0]) >= 2:
            # It imports, but every Interpreter() fails: it was built against NumPy 1.
            reasons.append("tflite-runtime needs numpy < 2")
            continue
        try:
            return import_library(module, distribution)
        except ImportError as error:
            reasons.append(str(error))
    raise ImportError("; ".join(reasons))


Kernels = Literal["delegate", "built-in", "reference"]
"""``delegate``: the default, XNNPACK where it takes the model. ``built-in``: TFLite's own kernels.
"""
_RESOLVERS = {"built-in": "BUILTIN_WITHOUT_DEFAULT_DELEGATES", "reference": "BUILTIN_REF"}


class TflitePart:
    """An interpreter of one artefact."""

    def __init__(
        self, interpreter: Any, indices: dict[str, int], artefact: Artefact, report: LoadReport
    ) -> None:
        self._interpreter = interpreter
        self._indices = indices
        self._outputs = artefact.outputs
        self.inputs: Mapping[Role, Tensor] = {t.role: t for t in artefact.inputs}
        self.report = report

    def __call__(self, inputs: Mapping[Role, Array]) -> dict[Role, Array]:
        """Run once; see ``LoadedPart``."""
        for role, tensor in self.inputs.items():
            self._interpreter.set_tensor(self._indices[tensor.name], inputs[role])
        self._interpreter.invoke()
        return {
            tensor.role: canonical(self._interpreter.get_tensor(self._indices[tensor.name]), tensor)
            for tensor in self._outputs
        }


class TfliteBackend:
    """Runs the bundle's ``.tflite`` artefacts: fp32, fp16 weights, static int8."""

    def __init__(self, options: BackendOptions, *, kernels: Kernels = "delegate") -> None:
        self._library = find_library()
        self._threads = options.threads or None
        self._kernels = kernels

    def _resolver(self) -> dict[str, Any]:
        if self._kernels == "delegate":
            return {}
        types = self._library.module.OpResolverType
        return {"experimental_op_resolver_type": getattr(types, _RESOLVERS[self._kernels])}

    def load(
        self, bundle: Bundle, part: PartName, precision: Precision | None = None
    ) -> TflitePart:
        """Load one part; raises ``BundleError``."""
        artefact = bundle.artefact("tflite", part, precision)
        model = bundle.read(artefact.path)
        timer = LoadTimer("tflite", self._library)
        try:
            interpreter = self._library.module.Interpreter(
                model_content=model, num_threads=self._threads, **self._resolver()
            )
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise BundleError(
                f"{bundle.path}: {artefact.path} does not load in {self._library.name} "
                f"{self._library.version} ({' '.join(str(error).split())})"
            ) from error
        details = (*interpreter.get_input_details(), *interpreter.get_output_details())
        indices = {d["name"]: d["index"] for d in details}
        missing = {t.name for t in (*artefact.inputs, *artefact.outputs)} - indices.keys()
        if missing:
            raise BundleError(f"{bundle.path}: {artefact.path} has no tensor {sorted(missing)}")
        return TflitePart(interpreter, indices, artefact, timer.report(artefact.precision))
