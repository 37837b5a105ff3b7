"""OpenVINO on the CPU, from a bundle's ONNX artefacts: a second implementation of the same file.

Not among the runtimes that users choose from; conformance runs it beside them.
"""

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
    LoadReport,
    LoadTimer,
    canonical,
    import_library,
)

Hint = Literal["f32", "bf16"]


class OpenVinoPart:
    """A compiled model of one artefact."""

    def __init__(self, model: Any, artefact: Artefact, report: LoadReport) -> None:
        self._request = model.create_infer_request()
        self._outputs = artefact.outputs
        self.inputs: Mapping[Role, Tensor] = {t.role: t for t in artefact.inputs}
        self.report = report

    def __call__(self, inputs: Mapping[Role, Array]) -> dict[Role, Array]:
        """Run once; see ``LoadedPart``."""
        feed = {tensor.name: inputs[role] for role, tensor in self.inputs.items()}
        self._request.infer(feed)
        return {
            # A copy, because the request reuses its output tensors.
            tensor.role: canonical(np.array(self._request.get_tensor(tensor.name).data), tensor)
            for tensor in self._outputs
        }


class OpenVinoBackend:
    """The CPU device. The precision is always asked for: OpenVINO takes bfloat16 by itself on CPUs
    that have it.
    """

    def __init__(self, options: BackendOptions, *, hint: Hint = "f32") -> None:
        self._library = import_library("openvino", "openvino")
        self._threads, self._hint = options.threads, hint

    def load(
        self, bundle: Bundle, part: PartName, precision: Precision | None = None
    ) -> OpenVinoPart:
        """Load one part; raises ``BundleError``."""
        artefact = bundle.artefact("onnx", part, precision)
        settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": self._hint}
        if self._threads:
            settings["INFERENCE_NUM_THREADS"] = self._threads
        timer = LoadTimer("openvino", self._library)
        core = self._library.module.Core()
        try:
            model = core.compile_model(core.read_model(bundle.read(artefact.path)), "CPU", settings)
        except RuntimeError as error:
            raise BundleError(
                f"{bundle.path}: {artefact.path} does not load in openvino "
                f"{self._library.version} ({' '.join(str(error).split())})"
            ) from error
        return OpenVinoPart(
            model, artefact, timer.report("bf16" if self._hint == "bf16" else artefact.precision)
        )
