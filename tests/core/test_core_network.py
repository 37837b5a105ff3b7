"""The integer network of the core = the reference, and its bounds = the proof's."""

from __future__ import annotations

import numpy as np
import pytest
from coded_image import Coded
from entropy_models import plain_model, random_model
from hypothesis import given, settings
from hypothesis import strategies as st

from pico_deploy import _core
from pico_deploy.core_errors import CoreUsageError, SymbolError
from pico_deploy.entropy.prove import prove
from pico_deploy.entropy.reference import scale_indices
from pico_deploy.entropy.serialise import to_bytes


@given(seed=st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_indices_are_those_of_the_reference_on_random_and_extreme_models(seed: int) -> None:
    entropy_model = random_model(seed)
    g = entropy_model.geometry
    model = _core.Model(to_bytes(entropy_model))
    rng = np.random.default_rng(seed)
    shape = (g.levels, g.z_channels, g.z_side, g.z_side)
    extreme = np.where(rng.integers(0, 2, shape) == 0, -g.z_max, g.z_max)
    for z in (rng.integers(-g.z_max, g.z_max + 1, shape), extreme, np.full(shape, g.z_max)):
        z = z.astype(np.int8)
        indices = model.scale_indices(z, np.arange(g.levels, dtype=np.uint8))
        for level in range(g.levels):
            assert (indices[level] == scale_indices(entropy_model, z[level], level)).all()


@given(seed=st.integers(0, 2**32))
@settings(max_examples=50, deadline=None)
def test_loader_recomputes_the_bounds_of_the_proof(seed: int) -> None:
    entropy_model = random_model(seed)
    proved = prove(entropy_model.layers, entropy_model.geometry.z_max)
    loaded = _core.Model(to_bytes(entropy_model)).layers
    assert [(b.accumulator_bound, b.product_bound) for b in proved] == [
        (layer.accumulator_bound, layer.product_bound) for layer in loaded
    ]
    assert [layer.wide for layer in loaded] == [layer.wide for layer in entropy_model.layers]
    assert [layer.kind for layer in loaded] == [layer.kind for layer in entropy_model.layers]


def test_a_float_that_is_nearly_an_integer_does_not_reach_the_network(coded: Coded) -> None:
    """Control of decodability: what drifts by a hair is refused, never rounded to a symbol."""
    z = coded.symbols.z[:1].astype(np.float32)
    level = np.zeros(1, np.uint8)
    exact = coded.model.scale_indices(z, level)
    assert (exact == coded.model.scale_indices(coded.symbols.z[:1], level)).all()
    z[0, 0, 0, 0] = np.nextafter(np.float32(1), np.float32(2))
    with pytest.raises(SymbolError) as error:
        coded.model.scale_indices(z, level)
    assert error.value.status == "symbol-not-integer"


def test_level_changes_the_indices_and_must_exist(coded: Coded) -> None:
    z = coded.symbols.z[:2]
    a, b = coded.model.scale_indices(z[:1].repeat(2, axis=0), np.array([0, 2], np.uint8))
    assert (a != b).any()
    with pytest.raises(CoreUsageError, match="level"):
        coded.model.scale_indices(z, np.array([0, 3], np.uint8))


def test_kernel_set_can_be_forced_by_argument_and_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PICO_CPU", raising=False)
    data = to_bytes(plain_model())
    sets = _core.kernels()
    assert sets["scalar"]
    assert _core.Model(data).kernels == next(name for name, runs_here in sets.items() if runs_here)
    for name, runs_here in sets.items():
        if runs_here:
            assert _core.Model(data, cpu=name).kernels == name
        else:
            with pytest.raises(CoreUsageError, match="not on this CPU"):
                _core.Model(data, cpu=name)
    with pytest.raises(CoreUsageError, match="no-such-cpu"):
        _core.Model(data, cpu="no-such-cpu")
    monkeypatch.setenv("PICO_CPU", "scalar")
    assert _core.Model(data).kernels == "scalar"
    monkeypatch.setenv("PICO_CPU", "abacus")
    with pytest.raises(CoreUsageError, match="abacus"):
        _core.Model(data)
