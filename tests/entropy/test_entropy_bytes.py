"""`entropy.bin`: the same model gives the same bytes, and what is not sound is not written or
read."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace

import numpy as np
import pytest
from entropy_models import plain_model, random_model
from hypothesis import given, settings
from hypothesis import strategies as st

from pico_deploy import _core
from pico_deploy.core_errors import EntropyModelError
from pico_deploy.entropy.crc32c import crc32c
from pico_deploy.entropy.errors import ModelBuildError
from pico_deploy.entropy.serialise import fingerprint, from_bytes, to_bytes


@given(seed=st.integers(0, 2**32))
@settings(max_examples=80, deadline=None)
def test_re_export_is_byte_identical(seed: int) -> None:
    data = to_bytes(random_model(seed))
    assert to_bytes(random_model(seed)) == data
    assert to_bytes(from_bytes(data)) == data


def test_other_memory_layouts_give_the_same_bytes() -> None:
    model = plain_model()
    layer = model.layers[0]
    turned = replace(layer, weight=np.asfortranarray(layer.weight), bias=layer.bias[:, ::-1].copy())
    turned = replace(turned, bias=turned.bias[:, ::-1])
    assert to_bytes(replace(model, layers=(turned,))) == to_bytes(model)


def test_fingerprint_is_the_core_s() -> None:
    data = to_bytes(plain_model())
    assert fingerprint(data) == hashlib.sha256(data).digest()[:16]
    assert fingerprint(data) == _core.Model(data).fingerprint


def test_any_changed_byte_is_refused_by_both_readers() -> None:
    data = to_bytes(plain_model())
    for at in range(0, len(data), 11):
        damaged = data[:at] + bytes([data[at] ^ 0x20]) + data[at + 1 :]
        with pytest.raises(EntropyModelError):
            _core.Model(damaged)
        with pytest.raises(ModelBuildError):
            from_bytes(damaged)


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_with_a_forged_checksum_both_readers_agree_on_what_is_sound(data: st.DataObject) -> None:
    original = to_bytes(plain_model())
    changed = bytearray(original[:-4])
    for _ in range(data.draw(st.integers(1, 2))):
        changed[data.draw(st.integers(16, len(changed) - 1))] = data.draw(st.integers(0, 255))
    forged = bytes(changed) + struct.pack("<I", crc32c(bytes(changed)))
    try:
        model = _core.Model(forged)
    except EntropyModelError:
        with pytest.raises(ModelBuildError):
            from_bytes(forged)
    else:
        assert to_bytes(from_bytes(forged)) == forged
        assert model.fingerprint == fingerprint(forged)


@pytest.mark.parametrize("size", [0, 7, 19, 100])
def test_a_file_that_is_cut_short_is_refused(size: int) -> None:
    data = to_bytes(plain_model())
    with pytest.raises(ModelBuildError):
        from_bytes(data[:size])
    with pytest.raises(EntropyModelError):
        _core.Model(data[:size])


def test_layers_that_do_not_fit_together_are_not_written() -> None:
    model = plain_model()
    layer = model.layers[0]
    for bad in (
        replace(layer, upsample="none", factor=1),
        replace(layer, factor=3),
        replace(layer, shift=32),
        replace(layer, weight=layer.weight[:, :3]),
        replace(layer, multiplier=-layer.multiplier),
        replace(layer, bias=layer.bias[:2]),
        replace(layer, bias=layer.bias.astype(np.int64)),
    ):
        with pytest.raises(ModelBuildError):
            to_bytes(replace(model, layers=(bad,)))


def test_tables_that_are_not_distributions_are_not_written() -> None:
    model = plain_model()
    for table in ([4096], [4095, 2], [4096, 0], [1] * 129):
        tables = (np.array(table, np.uint16), *model.y_tables[1:])
        with pytest.raises(ModelBuildError):
            to_bytes(replace(model, y_tables=tables))
    z = model.z_tables
    with pytest.raises(ModelBuildError):
        to_bytes(replace(model, z_tables=replace(z, row=z.row + 9)))
    with pytest.raises(ModelBuildError):
        to_bytes(replace(model, z_tables=replace(z, anchor_of_level=z.anchor_of_level + 1)))
