"""The same symbols under the float scale decoder and under the integers that ship: what exactness
costs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from pico_deploy._core import Model
from pico_deploy.codecs.trained import TrainedPico
from pico_deploy.entropy.model import Table
from pico_deploy.entropy.serialise import to_bytes
from pico_deploy.entropy.tables import TOTAL, zigzag_values
from pico_deploy.evaluation.integer_cost import SymbolBits
from pico_deploy.training.objective import gaussian_bits, index_to_scale

Symbols = npt.NDArray[np.int8]
# An escaped symbol costs its table entry and a byte of the side section.
ESCAPE_BITS = 8.0


def table_costs(tables: tuple[Table, ...], limit: int) -> npt.NDArray[np.float64]:
    """Bits of every value −limit … limit under every table, ``float64 [tables, 2·limit + 1]``."""
    costs = np.empty((len(tables), 2 * limit + 1))
    for row, table in zip(costs, tables, strict=True):
        bits = -np.log2(table.astype(np.float64) / table.sum())
        row[:] = bits[-1] + ESCAPE_BITS
        values = zigzag_values(len(table) - 1)
        inside = np.abs(values) <= limit
        row[values[inside] + limit] = bits[:-1][inside]
    return costs


class IntegerRate:
    """Code lengths under both models of one trained codec."""

    def __init__(self, codec: TrainedPico) -> None:
        self._codec = codec
        self._model = codec.entropy_model
        self._core = Model(to_bytes(self._model))
        geometry = self._model.geometry
        self._y_costs = table_costs(self._model.y_tables, geometry.y_max)
        self._z_costs = table_costs(self._model.z_tables.rows, geometry.z_max)
        self._anchors = torch.from_numpy(codec.anchor_table)

    @torch.no_grad()
    def measure(
        self, z: Symbols, y: Symbols, level: int, z_valid: tuple[int, int], y_valid: tuple[int, int]
    ) -> SymbolBits:
        """Bits of a tile's ``z int8 [Z, h, w]`` and ``y int8 [M, H, W]``; ``*_valid`` is the part
        that is not void."""
        geometry, config = self._model.geometry, self._codec.config
        anchors = self._anchors[level][None]
        network = self._codec.network
        inside_z = (slice(None), slice(z_valid[0]), slice(z_valid[1]))
        inside_y = (slice(None), slice(y_valid[0]), slice(y_valid[1]))

        real = network.scale_decoders[self._codec.scale_decoder](
            torch.from_numpy(z[None]).float(), anchors
        )
        low, high = config.scale_range
        scale = index_to_scale(real, low, high, config.scale_count)[0]
        float_y = gaussian_bits(torch.from_numpy(y).float(), scale).numpy()[inside_y].sum()
        prior = torch.exp(anchors @ network.z_log_scale)[0, :, None, None]
        float_z = gaussian_bits(torch.from_numpy(z).float(), prior).numpy()[inside_z].sum()

        integer_z = self._integer_z(z[inside_z], level)
        rounded = torch.floor(real[0].clamp(0, config.scale_count - 1) + 0.5).long().numpy()
        shipped = self._core.scale_indices(z[None], np.array([level], np.uint8))[0]

        def coded(index: npt.NDArray[np.integer]) -> float:
            bits = self._y_costs[index, y.astype(int) + geometry.y_max][inside_y]
            return float(bits.sum() + integer_z)

        return SymbolBits(float(float_y + float_z), coded(rounded), coded(shipped))

    def _integer_z(self, z: Symbols, level: int) -> float:
        """Bits of ``z int8 [Z, h, w]`` and of the bank of each position, the best one for it."""
        tables = self._model.z_tables
        anchor = int(tables.anchor_of_level[level])
        entry = z.astype(int) + self._model.geometry.z_max
        bits = np.stack(
            [self._z_costs[row[:, None, None], entry].sum(axis=0) for row in tables.row[anchor]]
        )
        if tables.banks > 1:
            name = tables.bank_rows[anchor][:-1].astype(np.float64)
            bits -= np.log2(name / TOTAL)[:, None, None]
        return float(bits.min(axis=0).sum())
