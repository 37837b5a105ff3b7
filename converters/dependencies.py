"""Optional packages, named by the extra that installs them."""

from __future__ import annotations

import importlib
import importlib.util
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

from pico_deploy.errors import MissingDependencyError

EXTRAS: dict[str, tuple[str, ...]] = {
    "onnx": ("onnx", "onnxscript"),
    "coreml": ("coremltools",),
    "tflite": ("litert_torch", "ai_edge_litert", "ai_edge_quantizer"),
}
"""Import names that each format needs; the extra has the format's name."""

_DISTRIBUTIONS = {
    "onnx": ("onnx", "onnxscript", "onnx-ir", "onnxruntime"),
    "coreml": ("coremltools",),
    "tflite": ("litert-torch", "litert-converter", "ai-edge-litert", "ai-edge-quantizer"),
}


def require(extra: str) -> None:
    """Raise ``MissingDependencyError`` when a package of ``extra`` is not installed."""
    missing = [name for name in EXTRAS[extra] if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingDependencyError(
            f"the {extra} format needs {', '.join(missing)}, not installed here; "
            f"install it with: pip install 'pico-deploy[{extra}]'"
        )


def load(module: str, extra: str) -> ModuleType:
    """Import an optional module; raises ``MissingDependencyError`` that names the extra."""
    require(extra)
    return importlib.import_module(module)


def versions(extras: tuple[str, ...]) -> dict[str, str]:
    """Installed version of every distribution that shapes the artefacts of ``extras``."""
    names = ["torch", "numpy", *(n for extra in extras for n in _DISTRIBUTIONS[extra])]
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
