"""Encode and decode: sizes, borders, void rules, streaming, both stages at once."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_codec import NumpyPart, flat_blocks

from pico_deploy.runtime.decode import decode, open_stream
from pico_deploy.runtime.encode import encode
from pico_deploy.runtime.photo import ArrayPixels
from pico_deploy.runtime.picture import ArraySink
from pico_deploy.runtime.session import Session

SIZES = [
    (1, 1),
    (1, 300),
    (300, 1),
    (7, 5),
    (120, 120),
    (121, 119),
    (123, 124),
    (125, 361),
    (240, 483),
]


@pytest.mark.parametrize("height,width", SIZES)
def test_any_size_comes_back_in_its_size(session: Session, height: int, width: int) -> None:
    pixels = flat_blocks(height, width)
    stream = encode(ArrayPixels(pixels), session, NumpyPart("analysis"), 10)
    sink = ArraySink()
    decode(open_stream(stream, session), session, NumpyPart("synthesis"), sink)
    assert sink.pixels().shape == pixels.shape
    print(np.abs(sink.pixels().astype(int) - pixels).mean())
