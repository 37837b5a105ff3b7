"""Which processor will take each operator, as far as is known without a device: an estimate.

ONNX: ONNX Runtime's own mobile usability checker. TFLite: the rules of the NNAPI delegate for
every feature level. Core ML: published limits of the Neural Engine. Only a device's own plan is
proof.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from converters.dependencies import load
from converters.mil import MilProgram
from converters.nnapi import FEATURE_LEVELS, nnapi_level
from converters.rearrange import Transpose, remaining_transposes
from converters.tflite_model import TfliteModel
from pico_deploy.bundle import Artefact

ANE_MAX_RANK = 4
ANE_MAX_CHANNELS = 1024
ANE_MAX_SIDE = 16384


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class OperatorPlacement(_Frozen):
    """Operators of one kind that share a fate: where they go and why."""

    operator: str
    count: int
    place: str
    reason: str = ""


class ArtefactPlacement(_Frozen):
    """What is expected for one artefact on one accelerator.

    ``partitions`` is how many pieces the accelerator would get; None where the source does not say.
    """

    artefact: str
    accelerator: str
    source: str
    operators_total: int
    operators_taken: int
    partitions: int | None = None
    operators: tuple[OperatorPlacement, ...] = ()
    caveats: tuple[str, ...] = ()
    transposes: tuple[Transpose, ...] = ()


class PlacementReport(_Frozen):
    """All artefacts; every line is an estimate until a device says otherwise."""

    provenance: Literal["estimated"] = "estimated"
    artefacts: tuple[ArtefactPlacement, ...]


def place(artefacts: Sequence[Artefact], folder: Path) -> PlacementReport:
    """Placement of artefacts that lie below ``folder``."""
    found: list[ArtefactPlacement] = []
    for artefact in artefacts:
        path = folder / artefact.path
        if artefact.runtime == "onnx":
            found.extend(_place_onnx(artefact, path))
        elif artefact.runtime == "tflite":
            found.extend(_place_tflite(artefact, path))
        else:
            found.append(_place_coreml(artefact, path))
    return PlacementReport(artefacts=tuple(found))


def _place_onnx(artefact: Artefact, path: Path) -> list[ArtefactPlacement]:
    onnx = load("onnx", "onnx")
    from onnxruntime.tools.mobile_helpers import usability_checker as checker

    model = onnx.shape_inference.infer_shapes(onnx.load(path), strict_mode=True)
    providers = {
        "NNAPI": checker.check_nnapi_partitions(model, True),
        "CoreML": checker.check_coreml_partitions(model, True, "coreml_supported_mlprogram_ops.md"),
    }
    every = Counter(node.op_type for node in model.graph.node)
    results = []
    for name, info in providers.items():
        nodes = [node for group in info.supported_groups for node in group]
        # The checker goes by names of operators; this one of its caveats concerns every codec.
        refused = Counter(n.op_type for n in nodes if name == "NNAPI" and _is_crd_shuffle(n))
        taken = Counter(node.op_type for node in nodes) - refused
        untouched = every - taken - refused
        fates = [
            *((kind, count, name, "") for kind, count in taken.items()),
            *((kind, count, "CPU", "takes mode DCR only") for kind, count in refused.items()),
            *(
                (kind, count, "CPU", f"not taken by the {name} provider")
                for kind, count in untouched.items()
            ),
        ]
        results.append(
            ArtefactPlacement(
                artefact=artefact.key,
                accelerator=f"ONNX Runtime {name} execution provider",
                source="onnxruntime.tools.mobile_helpers.usability_checker",
                operators_total=info.num_nodes,
                operators_taken=sum(taken.values()),
                partitions=None if refused else info.num_partitions,
                operators=tuple(
                    OperatorPlacement(operator=kind, count=count, place=where, reason=why)
                    for kind, count, where, why in sorted(fates)
                ),
                caveats=(
                    f"the checker would try this provider: {info.suitability().name.lower()}",
                    *(" ".join(c.split()) for c in info.supported_ops_checker.get_caveats()),
                ),
            )
        )
    return results


def _is_crd_shuffle(node: Any) -> bool:
    """A DepthToSpace in PyTorch's channel order; the attribute's default is the other."""
    modes = [a.s for a in node.attribute if a.name == "mode"]
    return node.op_type == "DepthToSpace" and modes == [b"CRD"]


def _place_tflite(artefact: Artefact, path: Path) -> list[ArtefactPlacement]:
    model = TfliteModel(path.read_bytes())
    transposes = remaining_transposes(model)
    operators = [o for o in model.graph.operators if not _folded_at_load(model, o)]
    needs = [(model.op_name(o), nnapi_level(model, o)) for o in operators]
    results = []
    for level in FEATURE_LEVELS:
        taken = [need is not None and need[0] <= level for _, need in needs]
        fates: Counter[tuple[str, str, str]] = Counter()
        for (kind, need), accepted in zip(needs, taken, strict=True):
            if accepted:
                fates[kind, "NNAPI", ""] += 1
            else:
                why = "not in NNAPI" if need is None else (need[1] or f"since level {need[0]}")
                fates[kind, "CPU", why] += 1
        results.append(
            ArtefactPlacement(
                artefact=artefact.key,
                accelerator=f"NNAPI feature level {level}",
                source="rules of the TFLite NNAPI delegate (legacy since Android 15); "
                "a driver may take less",
                operators_total=len(operators),
                operators_taken=sum(taken),
                partitions=_runs(taken),
                operators=tuple(
                    OperatorPlacement(operator=kind, count=count, place=where, reason=why)
                    for (kind, where, why), count in sorted(fates.items())
                ),
                transposes=transposes if level == FEATURE_LEVELS[0] else (),
            )
        )
    return results


def _folded_at_load(model: TfliteModel, operator: Any) -> bool:
    # Halves that are expanded once, before the graph is delegated.
    return model.op_name(operator) == "DEQUANTIZE" and not model.runtime_inputs(operator)


def _runs(taken: list[bool]) -> int:
    """Pieces of consecutive operators that are taken, in order of execution."""
    return sum(
        here and not before for before, here in zip([False, *taken[:-1]], taken, strict=True)
    )


def _place_coreml(artefact: Artefact, path: Path) -> ArtefactPlacement:
    operations = MilProgram(path).operations
    fates: Counter[tuple[str, str, str]] = Counter()
    taken = []
    for operation in operations:
        reason = _ane_objection(operation)
        taken.append(not reason)
        fates[operation.type, "GPU or CPU" if reason else "ANE", reason] += 1
    return ArtefactPlacement(
        artefact=artefact.key,
        accelerator="Apple Neural Engine",
        source="published limits (no list by Apple exists); MLComputePlan on a device is the proof",
        operators_total=len(operations),
        operators_taken=sum(taken),
        partitions=_runs(taken),
        operators=tuple(
            OperatorPlacement(operator=kind, count=count, place=where, reason=why)
            for (kind, where, why), count in sorted(fates.items())
        ),
        caveats=(
            f"more than {ANE_MAX_CHANNELS} channels are taken, but slowly: split them",
            "the first load compiles for the device and may take minutes",
        ),
    )


def _ane_objection(operation: Any) -> str:
    """Why the Neural Engine is not expected to take an operation, or nothing."""
    if operation.type in _NOT_ON_ANE:
        return f"{operation.type} is known not to run there"
    for output in operation.outputs:
        shape = [int(d.constant.size) for d in output.type.tensorType.dimensions]
        if len(shape) > ANE_MAX_RANK:
            return f"rank {len(shape)}, more than {ANE_MAX_RANK}"
        if max(shape, default=1) > ANE_MAX_SIDE:
            return f"a dimension of {max(shape)}, more than {ANE_MAX_SIDE}"
    return ""


_NOT_ON_ANE = frozenset({"gather", "gather_nd", "gru", "lstm", "rnn"})
