"""The two fingerprints by which a stream names its model, and the hashes of files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ENTROPY_FINGERPRINT_BYTES = 16
PIXEL_FINGERPRINT_BYTES = 8


def entropy_fingerprint(entropy_bin: bytes) -> bytes:
    """First 16 bytes of the SHA-256 of ``entropy.bin``; the core computes the same at load."""
    return hashlib.sha256(entropy_bin).digest()[:ENTROPY_FINGERPRINT_BYTES]


def pixel_fingerprint(weights: Mapping[str, NDArray[Any]]) -> bytes:
    """First 8 bytes of a SHA-256 over the float weights of ``synthesis``.

    Over the names in byte order: name and a zero byte, number of dimensions (u8), each dimension
    (u32), values as float32; all little-endian. Layout and precision of an artefact therefore do
    not change it.
    """
    digest = hashlib.sha256()
    for name in sorted(weights, key=str.encode):
        values = np.asarray(weights[name])
        digest.update(name.encode() + b"\0" + bytes([values.ndim]))
        digest.update(np.asarray(values.shape, "<u4").tobytes())
        digest.update(np.ascontiguousarray(values, "<f4").tobytes())
    return digest.digest()[:PIXEL_FINGERPRINT_BYTES]


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, as lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
