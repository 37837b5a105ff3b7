"""Peak memory is this process's own and can be counted from a moment on."""

import sys

import numpy as np
import pytest

from pico_deploy.measure.memory import peak_bytes, reset_peak, resident_bytes

SIZE = 64 << 20


def touched() -> None:
    np.ones(SIZE, np.uint8)


def test_peak_sees_what_was_touched_and_released() -> None:
    before = peak_bytes()[0]
    if not reset_peak():
        pytest.skip("this system cannot reset the peak")
    floor = peak_bytes()[0]
    assert floor <= before
    touched()
    assert peak_bytes()[0] >= floor + SIZE * 0.9
    reset_peak()
    assert peak_bytes()[0] < floor + SIZE * 0.5


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_method_is_named_and_resident_memory_is_known() -> None:
    assert peak_bytes()[1].startswith("VmHWM")
    resident = resident_bytes()
    assert resident is not None and 1 << 20 < resident <= peak_bytes()[0]
