"""The Core ML checker in the form of a runtime's backend, so that conformance can put it beside the
runtimes. It is a checker and not a runtime, and its name says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from types import ModuleType

from converters.mil import Arithmetic
from converters.runners import Runner, open_runner
from pico_deploy.bundle.manifest import PartName, Precision, Role, Tensor
from pico_deploy.bundle.read import Bundle
from pico_deploy.errors import MissingDependencyError
from pico_deploy.runtime.backend import Array, BackendOptions, Library, LoadReport, LoadTimer


class CheckedPart:
    """One ``.mlpackage`` under the checker; arrays go in and come out as float32."""

    def __init__(self, run: Runner, inputs: Mapping[Role, Tensor], report: LoadReport) -> None:
        self._run, self.inputs, self.report = run, inputs, report

    def __call__(self, inputs: Mapping[Role, Array]) -> dict[Role, Array]:
        """Run once; see ``LoadedPart``."""
        return dict(self._run(dict(inputs)))  # type: ignore[arg-type]


class CheckerBackend:
    """``arithmetic``: ``fp32``, or ``fp16`` with every operation's result rounded."""

    def __init__(self, options: BackendOptions, *, arithmetic: Arithmetic = "fp32") -> None:
        try:
            version = metadata.version("coremltools")
        except metadata.PackageNotFoundError as error:
            raise ImportError("coremltools") from error
        self._arithmetic = arithmetic
        self._library = Library(ModuleType("none"), "coreml-checker", version, 0)

    def load(
        self, bundle: Bundle, part: PartName, precision: Precision | None = None
    ) -> CheckedPart:
        """Load one part; raises ``BundleError`` or ``ConversionError``."""
        artefact = bundle.artefact("coreml", part, precision)
        folder = Path(bundle.path)
        if not folder.is_dir():
            raise MissingDependencyError(
                f"{bundle.path}: the Core ML checker reads folders; unpack the bundle"
            )
        timer = LoadTimer("coreml-checker", self._library)
        run = open_runner(artefact, folder, self._arithmetic)
        plain = {
            t.role: t.model_copy(update={"dtype": "float32", "layout": _canonical(t)})
            for t in artefact.inputs
        }
        # Whatever the arithmetic, the weights in the package are float16.
        return CheckedPart(run, plain, timer.report(artefact.precision))


def _canonical(tensor: Tensor) -> str:
    return "nc" if tensor.layout == "nc" else "nchw"
