"""The overflow proof of the integer entropy model, as a report."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from pico_deploy.entropy.check import check_model
from pico_deploy.entropy.model import EntropyModel


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class LayerProof(_Frozen):
    """What is proved of one integer layer, for every input and level."""

    kind: str
    inputs: int
    outputs: int
    wide: bool
    accumulator_bound: int
    accumulator_headroom_bits: float
    product_bound: int


class ProofReport(_Frozen):
    """Bounds of all layers; the core recomputes them whenever it loads the model."""

    layers: tuple[LayerProof, ...]


def prove_entropy(model: EntropyModel) -> ProofReport:
    """Prove a model; raises what :func:`pico_deploy.entropy.check.check_model` raises."""
    return ProofReport(
        layers=tuple(
            LayerProof(
                kind=layer.kind,
                inputs=layer.inputs,
                outputs=layer.outputs,
                wide=layer.wide,
                accumulator_bound=bounds.accumulator_bound,
                accumulator_headroom_bits=bounds.accumulator_headroom_bits,
                product_bound=bounds.product_bound,
            )
            for layer, bounds in zip(model.layers, check_model(model), strict=True)
        )
    )
