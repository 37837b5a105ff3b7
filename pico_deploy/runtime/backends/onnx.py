"""ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pico_deploy.bundle.manifest import Artefact, PartName, Precision, Role, Tensor
from pico_deploy.bundle.read import Bundle
from pico_deploy.errors import BundleError
from pico_deploy.runtime.backend import (
    Array,
    BackendOptions,
    LoadReport,
    LoadTimer,
    canonical,
    import_library,
)

Optimisation = Literal["disabled", "basic", "extended", "all"]
_LEVELS: dict[Optimisation, str] = {
    "disabled": "DISABLE_ALL",
    "basic": "ENABLE_BASIC",
    "extended": "ENABLE_EXTENDED",
    "all": "ENABLE_ALL",
}


class OnnxPart:
    """An inference session of one artefact."""

    def __init__(self, session: Any, artefact: Artefact, report: LoadReport) -> None:
        self._session = session
        self._outputs = artefact.outputs
        self.inputs: Mapping[Role, Tensor] = {t.role: t for t in artefact.inputs}
        self.report = report

    def __call__(self, inputs: Mapping[Role, Array]) -> dict[Role, Array]:
        """Run once; see ``LoadedPart``."""
        feed = {tensor.name: inputs[role] for role, tensor in self.inputs.items()}
        results = self._session.run([t.name for t in self._outputs], feed)
        return {
            tensor.role: canonical(array, tensor)
            for tensor, array in zip(self._outputs, results, strict=True)
        }


class OnnxBackend:
    """Runs the bundle's ``.onnx`` artefacts with the CPU execution provider."""

    def __init__(
        self, options: BackendOptions, *, optimisation: Optimisation = "all", threads: int = 0
    ) -> None:
        self._library = import_library("onnxruntime", "onnxruntime")
        self._threads = threads or options.threads
        self._optimisation = optimisation

    def load(self, bundle: Bundle, part: PartName, precision: Precision | None = None) -> OnnxPart:
        """Load one part; raises ``BundleError``."""
        artefact = bundle.artefact("onnx", part, precision)
        model = bundle.read(artefact.path)
        onnxruntime = self._library.module
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        level = f"ORT_{_LEVELS[self._optimisation]}"
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
        # A spinning pool would keep the entropy coder, which runs beside it, off the cores.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        timer = LoadTimer("onnx", self._library)
        try:
            session = onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])
            names = {t.name for t in (*session.get_inputs(), *session.get_outputs())}
        except Exception as error:  # onnxruntime's errors share no public base class
            raise BundleError(
                f"{bundle.path}: {artefact.path} does not load in onnxruntime "
                f"{self._library.version} ({' '.join(str(error).split())})"
            ) from error
        missing = {t.name for t in (*artefact.inputs, *artefact.outputs)} - names
        if missing:
            raise BundleError(f"{bundle.path}: {artefact.path} has no tensor {sorted(missing)}")
        return OnnxPart(session, artefact, timer.report(artefact.precision))
