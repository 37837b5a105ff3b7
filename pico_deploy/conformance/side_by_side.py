"""Every runtime that can be had on one machine, in every mode that changes its arithmetic: more
participants for ``verify``, which encodes on each and decodes on each.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pico_deploy.bundle.manifest import Manifest, RuntimeName
from pico_deploy.conformance.participants import CodecFactory, WholeCodec
from pico_deploy.errors import MissingDependencyError
from pico_deploy.runtime import registry
from pico_deploy.runtime.backend import Backend, BackendOptions
from pico_deploy.runtime.session import Session

_BACKENDS = "pico_deploy.runtime.backends"


@dataclass(frozen=True)
class Mode:
    """A backend (module:attribute), the runtime whose artefacts it runs, and how it is made."""

    backend: str
    artefacts: RuntimeName
    settings: Mapping[str, Any] = field(default_factory=dict)


def _modes(
    backend: str, artefacts: RuntimeName, settings: Mapping[str, Mapping[str, Any]]
) -> dict[str, Mode]:
    return {name: Mode(backend, artefacts, chosen) for name, chosen in settings.items()}


_ONNX: dict[str, dict[str, Any]] = {
    "onnx-unoptimised": {"optimisation": "disabled"},
    "onnx-basic": {"optimisation": "basic"},
    "onnx-extended": {"optimisation": "extended"},
    "onnx-1-thread": {"threads": 1},
    "onnx-2-threads": {"threads": 2},
}
_TFLITE = {"tflite-built-in": {"kernels": "built-in"}, "tflite-reference": {"kernels": "reference"}}
_OPENVINO = {"openvino": {"hint": "f32"}, "openvino-bf16": {"hint": "bf16"}}
_CHECKER = {
    "coreml-checker": {"arithmetic": "fp32"},
    "coreml-checker-fp16": {"arithmetic": "fp16"},
}
MODES: dict[str, Mode] = {
    **_modes(f"{_BACKENDS}.onnx:OnnxBackend", "onnx", _ONNX),
    **_modes(f"{_BACKENDS}.openvino:OpenVinoBackend", "onnx", _OPENVINO),
    **_modes(f"{_BACKENDS}.tflite:TfliteBackend", "tflite", _TFLITE),
    **_modes(f"{_BACKENDS}.tflite_old:OldTfliteBackend", "tflite", {"tflite-runtime-2.14": {}}),
    **_modes("converters.checker:CheckerBackend", "coreml", _CHECKER),
}
_ARM = "pico_deploy.conformance.arm_backend:ArmBackend"
EMULATED: dict[str, Mode] = {
    **_modes(_ARM, "onnx", {"onnx-arm64": {"library": "onnxruntime"}}),
    **_modes(_ARM, "onnx", {"onnx-arm64-a53": {"library": "onnxruntime", "cpu": "cortex-a53"}}),
    **_modes(_ARM, "tflite", {"tflite-arm64": {"library": "ai_edge_litert"}}),
}
"""Hundreds of times slower than this machine, so they take part only when they are named."""
_BROWSER = "targets.web.codec:BrowserCodec"
WHOLE: dict[str, Mode] = {"onnx-web": Mode(_BROWSER, "onnx", {"provider": "wasm"})}
"""What runs nothing of this machine's core; a module of ``targets``, and so imported by name."""


@contextmanager
def more_runtimes(manifest: Manifest) -> Iterator[list[str]]:
    """Register, for the length of a block, every mode that has its artefacts in the bundle; yields
    the names of all that are not emulated.
    """
    held = {artefact.runtime for artefact in manifest.artefacts}
    added = {n: mode for n, mode in (MODES | EMULATED).items() if mode.artefacts in held}
    for name, mode in added.items():
        registry.register(name, _factory(mode))
    try:
        yield [name for name in registry.names() if name not in EMULATED]
    finally:
        for name in added:
            registry.unregister(name)


def whole_codecs(manifest: Manifest) -> dict[str, CodecFactory]:
    """Every whole codec that has its artefacts in the bundle, by name."""
    held = {artefact.runtime for artefact in manifest.artefacts}
    return {name: _codec(name, mode) for name, mode in WHOLE.items() if mode.artefacts in held}


def _factory(mode: Mode) -> Callable[[BackendOptions], Backend]:
    def make(options: BackendOptions) -> Backend:
        backend: Backend = _kind(mode)(options, **mode.settings)
        return backend

    return make


def _codec(name: str, mode: Mode) -> CodecFactory:
    def make(session: Session, options: BackendOptions) -> WholeCodec:
        try:
            kind = _kind(mode)
        except ImportError as error:
            raise MissingDependencyError(
                f"{name} is not installed ({error}); run `pip install pico-deploy[web]`"
            ) from error
        codec: WholeCodec = kind(session, options, **mode.settings)
        return codec

    return make


def _kind(mode: Mode) -> Callable[..., Any]:
    module, _, attribute = mode.backend.partition(":")
    kind: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return kind
