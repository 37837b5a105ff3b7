"""A bench never reports the speed of a decode that is wrong, nor hides that passes differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_codec import NumpyPart, flat_blocks

from pico_deploy.errors import VerificationError
from pico_deploy.measure import passes
from pico_deploy.measure.passes import Measured, Parts, measure
from pico_deploy.measure.result import Phase
from pico_deploy.runtime.observer import Observer
from pico_deploy.runtime.session import Session

PIXELS = flat_blocks(250, 490)


def run(session: Session, synthesis: Any = None) -> Measured:
    parts = Parts(session, NumpyPart("analysis"), synthesis or NumpyPart("synthesis"))
    return measure(parts, PIXELS, 5, 3, 2, lambda what: None)


def test_sound_passes_agree_and_have_no_notes(session: Session) -> None:
    found = run(session)
    assert found.hashes.emitted_symbols_sha256 == found.hashes.decoded_symbols_sha256
    assert not [note for note in found.notes if "gave" in note]
    assert len(found.encode.latency_ns) == len(found.decode.latency_ns) == 3


def test_decoder_that_yields_other_symbols_is_not_measured(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = passes.decode

    class Altered(Observer):
        def __init__(self, inner: Observer) -> None:
            self.inner = inner

        def symbols(self, tile: int, z: NDArray[Any], y: NDArray[Any]) -> None:
            y = y.copy()
            y[0, 3, 1, 1] += 1
            self.inner.symbols(tile, z, y)

    def wrong(*arguments: Any, observer: Observer) -> Any:
        return sound(*arguments, observer=Altered(observer))

    monkeypatch.setattr(passes, "decode", wrong)
    with pytest.raises(VerificationError, match="1 of 768 symbols of y in tile 0"):
        run(session)


def test_pixels_that_change_from_pass_to_pass_are_noted(session: Session) -> None:
    class Drifting(NumpyPart):
        def __call__(self, inputs: Any) -> Any:
            out = super().__call__(inputs)["x_hat"]
            return {"x_hat": np.clip(out + np.float32(self.calls // 15 / 64), 0, 1)}

    notes = run(session, Drifting("synthesis")).notes
    assert "3 of 3 decodes gave other pixels than the first one" in notes


def test_warm_up_passes_are_not_among_the_samples(session: Session) -> None:
    synthesis = NumpyPart("synthesis")
    found = run(session, synthesis)
    tiles = len(found.decode.phases[Phase.SYNTHESIS].samples_ns[0])
    assert synthesis.calls == (3 + 2) * tiles
    assert len(found.decode.phases[Phase.SYNTHESIS].samples_ns) == 3
