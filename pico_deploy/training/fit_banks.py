"""Several tables a channel of z to choose from: banks, fitted to real symbols.

A bank is a kind of place: flat sky, foliage, text. The encoder names the bank of every z position,
for a fraction of a bit a channel, and all channels of the position then use tables made for it. The
linear scale decoder, which cannot predict as much from z, gets back here part of what it loses.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pico_deploy.errors import InputError
from pico_deploy.training.calibrate import Sample

ROUNDS = 30
POOLED = 8.0
"""How many observations of its own the distribution of a channel over all banks counts in each."""
PRIOR = 0.02
"""And what every value of z is granted there, so that none is impossible."""

Probabilities = npt.NDArray[np.float64]


def fit_banks(
    samples: tuple[Sample, ...], levels: tuple[int, ...], z_max: int, banks: int
) -> tuple[Probabilities, Probabilities]:
    """Distributions of z, float64 [anchors, banks, channels, 2·z_max + 1], and of the banks,
    float64 [anchors, banks].

    For every anchor level a k-means under the code length: positions begin in banks by how much
    they hold, then each moves to the bank that codes it, name included, in the fewest bits. Raises
    ``InputError`` for a level without a crop.
    """
    fitted = [_fit_level(_positions(samples, level), z_max, banks) for level in levels]
    return np.stack([pmf for pmf, _ in fitted]), np.stack([share for _, share in fitted])


def _positions(samples: tuple[Sample, ...], level: int) -> npt.NDArray[np.int64]:
    """z of every position of every crop at a level, int64 [positions, channels]."""
    found = [s.z.reshape(len(s.z), -1).T for s in samples if s.level == level]
    if not found:
        raise InputError(f"no calibration crop at level {level} to fit banks of z tables to")
    return np.concatenate(found).astype(np.int64)


def _fit_level(
    z: npt.NDArray[np.int64], z_max: int, banks: int
) -> tuple[Probabilities, Probabilities]:
    count, channels = z.shape
    entry = z + z_max + np.arange(channels) * (2 * z_max + 1)
    bank = np.empty(count, np.int64)
    bank[np.argsort(np.abs(z).sum(axis=1), kind="stable")] = np.arange(count) * banks // count
    for _ in range(ROUNDS):
        pmf, share = _distributions(entry, bank, channels * (2 * z_max + 1), channels, banks)
        bits = -np.log2(pmf).reshape(banks, -1)
        cost = np.stack([b[entry].sum(axis=1) for b in bits]) - np.log2(share)[:, None]
        nearest = cost.argmin(axis=0)
        if (nearest == bank).all():
            break
        bank = nearest
    return pmf, share


def _distributions(
    entry: npt.NDArray[np.int64],
    bank: npt.NDArray[np.int64],
    size: int,
    channels: int,
    banks: int,
) -> tuple[Probabilities, Probabilities]:
    """Smoothed histograms of the positions of each bank, and how often each bank occurs."""
    counts = np.stack([np.bincount(entry[bank == b].ravel(), minlength=size) for b in range(banks)])
    counts = counts.reshape(banks, channels, -1).astype(np.float64)
    pooled = counts.sum(axis=0) + PRIOR
    counts += POOLED * pooled / pooled.sum(axis=-1, keepdims=True)
    members = np.bincount(bank, minlength=banks) + 1.0
    return counts / counts.sum(axis=-1, keepdims=True), members / members.sum()
