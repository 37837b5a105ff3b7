"""The worked example of docs/bitstream.md is what the encoder writes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from coded_image import encode
from entropy_models import Symbols, plain_model

from pico_deploy import _core
from pico_deploy.entropy.serialise import to_bytes

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "bitstream.md"


def test_the_dump_in_the_specification_is_the_encoder_s() -> None:
    model = _core.Model(to_bytes(plain_model(y_channels=2, z_channels=2)))
    z = np.zeros((1, 2, 4, 4), np.int8)
    y = np.zeros((1, 2, 8, 8), np.int8)
    z[0, 0, 0] = [3, -1, 0, 0]
    y[0, 0, 0, :3] = [5, 0, -60]
    y[0, 1, 0, 0] = -1
    data = encode(
        *(model, 20, 10, 1, Symbols(z, y)), skip=12, chunks=[("cicp", bytes([1, 13, 0, 1]))]
    )

    text = DOCUMENT.read_text(encoding="utf-8")
    dump = re.findall(r"^[0-9a-f]{4}  ((?:[0-9a-f]{2} ?)+)$", text, flags=re.MULTILINE)
    assert data == bytes.fromhex(" ".join(dump))

    index = model.scale_indices(z, np.array([1], np.uint8))[0, :, :2, :3]
    assert index.tolist() == [[[29, 39, 28], [18, 24, 19]], [[11, 18, 10], [19, 22, 20]]]
