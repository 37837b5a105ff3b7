"""The conformance set: which entropy models and which vectors are in it."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path

from pico_deploy.conformance.make_vectors import models as corners
from pico_deploy.conformance.make_vectors.decodable import decodable
from pico_deploy.conformance.make_vectors.photos import photographed
from pico_deploy.conformance.make_vectors.recipe import NamedModel
from pico_deploy.conformance.make_vectors.refused import bad_models, refused
from pico_deploy.conformance.make_vectors.write import require_next_version, write_set
from pico_deploy.entropy.model import EntropyModel
from pico_deploy.entropy.serialise import from_bytes, to_bytes
from pico_deploy.errors import InputError

BUNDLE = "bundle"
CHECKPOINT = "conformance.safetensors"
LINEAR_TENSOR = "entropy.linear"
CONV_NAME = "conformance-conv"


def make(model: Path, photos: Path, output: Path, version: int) -> tuple[str, ...]:
    """Make the set from the conformance model in ``model``; returns the vectors' names."""
    require_next_version(output, version)
    models = named_models(model)
    bad = list(bad_models(models))
    binaries = {name: named.data for name, named in models.items()}
    binaries |= {draft.model: data for draft, data in bad}
    drafts = chain(
        photographed(model / BUNDLE, photos, CONV_NAME),
        decodable(models),
        refused(models),
        (draft for draft, _ in bad),
    )
    return write_set(output, version, binaries, drafts)


def named_models(model: Path) -> dict[str, NamedModel]:
    """The conformance model's two scale decoders, the linear one with banks of ``z`` tables made by
    hand, and the corners of the format.
    """
    try:
        conv = (model / BUNDLE / "entropy.bin").read_bytes()
        linear = stored_bytes(model / CHECKPOINT, LINEAR_TENSOR)
    except OSError as error:
        raise InputError(f"cannot read the conformance model: {error}") from error
    named = (
        NamedModel(CONV_NAME, from_bytes(conv), conv),
        _built("conformance-linear", corners.with_banks(from_bytes(linear))),
        _built("tables-least", corners.least()),
        _built("tables-most", corners.most()),
    )
    return {model.name: model for model in named}


def _built(name: str, model: EntropyModel) -> NamedModel:
    return NamedModel(name, model, to_bytes(model))


def stored_bytes(checkpoint: Path, tensor: str) -> bytes:
    """The bytes of one tensor of a ``.safetensors``, read without PyTorch: eight bytes of size, a
    JSON header with offsets, data.
    """
    data = checkpoint.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    first, end = json.loads(data[8:start])[tensor]["data_offsets"]
    return data[start + first : start + end]
