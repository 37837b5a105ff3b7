from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_pico import short_fits

from pico_deploy._core import Encoder, Model
from pico_deploy.codecs.config import PRESETS
from pico_deploy.codecs.pico import PicoCodec
from pico_deploy.codecs.trained import TrainedPico
from pico_deploy.entropy.gaussian import standard_tables
from pico_deploy.entropy.serialise import to_bytes
from pico_deploy.training.finalise import finalise
from pico_deploy.training.integer_rate import ESCAPE_BITS, IntegerRate, table_costs


@pytest.fixture
def codec(tiny_preset, photos, tmp_path) -> TrainedPico:
    torch.manual_seed(4)
    network = PicoCodec(PRESETS[tiny_preset]).eval()
    with torch.no_grad():
        network.encoder.gain.log_scale.sub_(1.5)
    return TrainedPico.load(
        finalise(network, photos, tmp_path / "tiny.safetensors", crops=2, fits=short_fits(20))
    )


def test_costs_are_the_code_lengths_of_the_tables() -> None:
    table = np.array([2048, 1024, 512, 512], np.uint16)  # 0, -1, 1, escape
    assert table_costs((table,), 2).tolist() == [[3 + ESCAPE_BITS, 2, 1, 3, 3 + ESCAPE_BITS]]


def test_every_shipped_table_is_a_distribution() -> None:
    for table in standard_tables():
        row = table_costs((table,), 127)[0]
        inside = row[row < -np.log2(table[-1] / 4096) + ESCAPE_BITS - 1e-9]
        assert np.exp2(-inside).sum() + table[-1] / 4096 == pytest.approx(1)


def test_void_elements_cost_nothing(codec) -> None:
    rate = IntegerRate(codec)
    z, y = np.zeros((8, 2, 2), np.int8), np.zeros((8, 8, 8), np.int8)
    y[:, 4:] = 100  # void, and never counted
    part = rate.measure(z, y, 30, (2, 2), (4, 8))
    nothing = rate.measure(z, y, 30, (0, 0), (0, 0))
    assert nothing.integer_model == nothing.float_index == nothing.float_model == 0
    clean = rate.measure(z, np.zeros_like(y), 30, (2, 2), (4, 8))
    assert part == clean


def test_a_wrong_index_would_show_as_a_cost(codec) -> None:
    rate = IntegerRate(codec)
    rng = np.random.default_rng(1)
    z = rng.integers(-2, 3, (8, 2, 2), dtype=np.int8)
    y = rng.integers(-1, 2, (8, 8, 8), dtype=np.int8)
    honest = rate.measure(z, y, 30, (2, 2), (8, 8))
    assert honest.integer_model == pytest.approx(honest.float_index, rel=0.05)
    rate._y_costs = np.roll(rate._y_costs, 20, axis=0)
    assert rate.measure(z, y, 30, (2, 2), (8, 8)).integer_model > 1.2 * honest.integer_model


def test_bits_are_those_that_the_encoder_writes_banks_included(codec) -> None:
    linear = TrainedPico(codec.config, codec.network, codec.entropy_models, "linear")
    assert linear.entropy_model.z_tables.banks == 8
    core, rate = Model(to_bytes(linear.entropy_model)), IntegerRate(linear)
    tiles, level = 40, 30
    size = tiles * core.payload, core.payload
    encoder = Encoder(core, *size, level, bytes(8), tiles_per_stream=tiles, skip=0)
    rng = np.random.default_rng(2)
    z = np.zeros((tiles, core.z_channels, core.z_side, core.z_side), np.int8)
    y = np.zeros((tiles, core.y_channels, core.y_side, core.y_side), np.int8)
    valid = [(encoder.grid.z_valid(tile), encoder.grid.y_valid(tile)) for tile in range(tiles)]
    for tile, ((rows, columns), _) in enumerate(valid):
        z[tile, :, :rows, :columns] = rng.integers(-3, 4, (core.z_channels, rows, columns))

    def ideal_bytes() -> float:
        bits = (rate.measure(z[t], y[t], level, *valid[t]).integer_model for t in range(tiles))
        return sum(bits) / 8

    written = encoder.encode_group(0, z, y) - 4 * encoder.lanes
    assert ideal_bytes() == pytest.approx(written, rel=0.01)
    banks = linear.entropy_model.z_tables  # the control: as if there were no choice
    tables = replace(banks, row=banks.row[:, :1], bank_rows=())
    rate._model = replace(linear.entropy_model, z_tables=tables)
    assert ideal_bytes() != pytest.approx(written, rel=0.015)
