"""How far each layer stays from the limits of fp16 and of the Neural Engine, on real tiles.

Two figures a layer: the largest value it gives, against fp16's 65504; and for convolutions the
bound Σ|w|·|x| + |b|, which no partial sum in any order exceeds, against ±32768, the safe range of
the Neural Engine's sums (as published by others; not measured here).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from converters.export import ExportedPart
from pico_deploy.bundle.manifest import PART_ROLES, PartName
from pico_deploy.conformance.thresholds import HeadroomLimits

FP16_MAX = 65504.0
ANE_ACCUMULATOR_MAX = 32768.0

Verdict = Literal["ok", "near", "over"]
Inputs = dict[str, NDArray[np.float32]]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class LayerHeadroom(_Frozen):
    """One operation of a part. ``accumulator_bound`` is None for operations that do not sum."""

    part: PartName
    layer: str
    operation: str
    largest: float
    accumulator_bound: float | None
    verdict: Verdict


class HeadroomReport(_Frozen):
    """All layers, in order of execution."""

    tiles: int
    levels: tuple[int, ...]
    fp16_limit: float = FP16_MAX
    accumulator_limit: float = ANE_ACCUMULATOR_MAX
    layers: tuple[LayerHeadroom, ...]

    @property
    def worst(self) -> tuple[LayerHeadroom, ...]:
        """Layers near or over a limit."""
        return tuple(layer for layer in self.layers if layer.verdict != "ok")


@dataclass
class _Seen:
    operation: str
    largest: float = 0.0
    bound: float | None = None


class _Recorder(torch.fx.Interpreter):
    """Runs an exported graph and keeps the extremes of every node."""

    def __init__(self, module: torch.fx.GraphModule) -> None:
        super().__init__(module)
        self.seen: dict[str, _Seen] = {}

    def run_node(self, n: torch.fx.Node) -> Any:
        result = super().run_node(n)
        if n.op == "call_function" and isinstance(result, Tensor):
            operation = str(n.target).split(".")[1] if "." in str(n.target) else str(n.target)
            seen = self.seen.setdefault(_layer_name(n), _Seen(operation))
            seen.largest = _larger(seen.largest, float(result.abs().max()))
            if operation in ("conv2d", "conv_transpose2d"):
                args, kwargs = self.fetch_args_kwargs_from_env(n)
                seen.bound = _larger(seen.bound or 0.0, _sum_bound(operation, args, kwargs))
        return result


def _larger(a: float, b: float) -> float:
    """The larger of two; NaN, once seen, stays."""
    return a if b <= a or math.isnan(a) else b


def _sum_bound(operation: str, args: Sequence[Any], kwargs: dict[str, Any]) -> float:
    x, weight, bias, *rest = [*args, None] if len(args) == 2 else args
    run = F.conv2d if operation == "conv2d" else F.conv_transpose2d
    bias = bias.abs() if bias is not None else None
    return float(run(x.abs(), weight.abs(), bias, *rest, **kwargs).max())


def _layer_name(node: torch.fx.Node) -> str:
    """Where in the codec's module tree a node comes from, and the node itself."""
    stack = node.meta.get("nn_module_stack") or {}
    path = list(stack.values())[-1][0] if stack else ""
    path = path.removeprefix("L['self'].").removeprefix("part").lstrip(".")
    return f"{path}:{node.name}" if path else node.name


def measure_headroom(
    parts: Sequence[ExportedPart],
    samples: dict[PartName, Sequence[Inputs]],
    tiles: int,
    levels: Sequence[int],
    limits: HeadroomLimits,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> HeadroomReport:
    """Run every sample through the NCHW parts in float32 and report each layer's extremes."""
    layers: list[LayerHeadroom] = []
    total = sum(len(samples[p.part]) for p in parts)
    done = 0
    for exported in parts:
        module = exported.program.module()
        recorder = _Recorder(module)
        for sample in samples[exported.part]:
            inputs = [torch.from_numpy(sample[role]) for role in PART_ROLES[exported.part][0]]
            with torch.no_grad():
                recorder.run(*inputs)
            done += 1
            progress(done, total)
        layers.extend(
            LayerHeadroom(
                part=exported.part,
                layer=name,
                operation=seen.operation,
                largest=seen.largest,
                accumulator_bound=seen.bound,
                verdict=_verdict(seen, limits),
            )
            for name, seen in recorder.seen.items()
        )
    return HeadroomReport(tiles=tiles, levels=tuple(levels), layers=tuple(layers))


def _verdict(seen: _Seen, limits: HeadroomLimits) -> Verdict:
    ratio = _larger(seen.largest / FP16_MAX, (seen.bound or 0.0) / ANE_ACCUMULATOR_MAX)
    if not ratio <= 1:  # a NaN is over
        return "over"
    return "near" if ratio * limits.near_factor > 1 else "ok"
