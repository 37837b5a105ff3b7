"""Artefacts and bundles that several converter tests look at, each made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import outside_codec
import pytest
import small_pico
from small_pico import PicoArtefacts

from converters.convert import Conversion, convert
from converters.formats import FORMATS, convert_parts
from converters.quiet import quiet


@pytest.fixture(scope="session")
def pico(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PicoArtefacts]:
    codec, folder = small_pico.make(), tmp_path_factory.mktemp("pico")
    parts = codec.parts("crd")
    with quiet():
        converted = convert_parts(codec, parts, FORMATS, folder, lambda what: None)
    yield PicoArtefacts(codec, parts, converted, folder)


@pytest.fixture(scope="session")
def outside_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    weights = tmp_path_factory.mktemp("outside") / "dct.safetensors"
    outside_codec.make().save(weights)
    return weights


@pytest.fixture(scope="session")
def outside(tmp_path_factory: pytest.TempPathFactory, outside_weights: Path) -> Conversion:
    """The codec from outside, converted to every format and gated."""
    codec = outside_codec.DctHyperprior.load(outside_weights)
    destination = tmp_path_factory.mktemp("bundles") / "dct.bundle"
    return convert(codec, destination, checkpoint=outside_weights)
