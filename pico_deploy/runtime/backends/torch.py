"""PyTorch on the CPU: the codec itself, from its checkpoint. The reference the artefacts are
compared with.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from pico_deploy.bundle.fingerprint import pixel_fingerprint
from pico_deploy.bundle.manifest import PART_ROLES, Manifest, PartName, Precision, Role, Tensor
from pico_deploy.bundle.read import Bundle
from pico_deploy.codecs.protocol import Codec
from pico_deploy.codecs.registry import load_codec, load_foreign_codec
from pico_deploy.errors import BundleError, ModelMismatchError, UsageError
from pico_deploy.runtime.backend import (
    Array,
    BackendOptions,
    LoadReport,
    LoadTimer,
    import_library,
)


def _specifications(manifest: Manifest, part: PartName) -> dict[Role, Tensor]:
    g = manifest.geometry
    shapes: dict[Role, tuple[int, ...]] = {
        "x": (1, 3, g.tile, g.tile),
        "anchors": (1, len(manifest.anchor_table[0])),
        "y_mask": (1, 1, g.y_side, g.y_side),
        "z_mask": (1, 1, g.z_side, g.z_side),
        "z": (1, g.z_channels, g.z_side, g.z_side),
        "y": (1, g.y_channels, g.y_side, g.y_side),
    }
    return {
        role: Tensor(
            role=role,
            name=role,
            layout="nc" if role == "anchors" else "nchw",
            dtype="float32",
            shape=shapes[role],
        )
        for role in PART_ROLES[part][0]
    }


class TorchPart:
    """A folded module of the codec."""

    def __init__(
        self, module: torch.nn.Module, part: PartName, manifest: Manifest, report: LoadReport
    ) -> None:
        self._module = module
        self._order, self._outputs = PART_ROLES[part]
        self.inputs: Mapping[Role, Tensor] = _specifications(manifest, part)
        self.report = report

    def __call__(self, inputs: Mapping[Role, Array]) -> dict[Role, Array]:
        """Run once; see ``LoadedPart``."""
        with torch.inference_mode():
            results = self._module(*(torch.from_numpy(inputs[role]) for role in self._order))
        if isinstance(results, torch.Tensor):
            results = (results,)
        return {role: tensor.numpy() for role, tensor in zip(self._outputs, results, strict=True)}


class TorchBackend:
    """Runs the codec that a bundle was made of, and refuses any other."""

    def __init__(self, options: BackendOptions) -> None:
        self._library = import_library("torch", "torch")
        self._options = options
        if options.threads:
            torch.set_num_threads(options.threads)

    def _codec(self, bundle: Bundle) -> Codec:
        options, preset = self._options, bundle.manifest.preset
        if options.codec is not None:
            if options.weights is None:
                raise UsageError("--codec needs the checkpoint too: add --weights FILE")
            return load_foreign_codec(options.codec, options.weights)
        if options.weights is None and preset is None:
            raise UsageError(
                f"{bundle.path} holds no PyTorch form and names no shipped preset; "
                "runtime torch needs --weights FILE"
            )
        return load_codec(str(options.weights or preset))

    def load(self, bundle: Bundle, part: PartName, precision: Precision | None = None) -> TorchPart:
        """Load one part; raises ``CheckpointError`` or ``ModelMismatchError``."""
        if precision not in (None, "fp32"):
            raise BundleError(f"runtime torch computes in fp32, not {precision}")
        timer = LoadTimer("torch", self._library)
        codec = self._codec(bundle)
        weights = {k: v.detach().numpy() for k, v in codec.synthesis_weights().items()}
        found, expected = pixel_fingerprint(weights).hex(), bundle.manifest.pixel_fingerprint
        if found != expected:
            raise ModelMismatchError(
                f"the checkpoint's synthesis has pixel fingerprint {found}, {bundle.path} was made "
                f"of {expected}; give the checkpoint it was converted from"
            )
        parts = codec.parts("crd")
        module = parts.analysis if part == "analysis" else parts.synthesis
        return TorchPart(module.eval(), part, bundle.manifest, timer.report("fp32"))
