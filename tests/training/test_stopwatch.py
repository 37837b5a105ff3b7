"""The stopwatch tells where time went and starts afresh."""

import pytest

from pico_deploy.training import stopwatch
from pico_deploy.training.stopwatch import Stopwatch


def test_shares_add_up_and_start_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 1.0, 1.0, 4.0, 10.0, 10.5])
    monkeypatch.setattr(stopwatch.time, "perf_counter", lambda: next(now))
    watch = Stopwatch("cpu")
    for name in ("data", "forward"):
        with watch.phase(name):
            pass
    assert watch.shares() == {"data": 0.25, "forward": 0.75}
    with watch.phase("data"):
        pass
    assert watch.shares() == {"data": 1.0}
    assert watch.shares() == {}


def test_time_before_an_error_counts_too() -> None:
    watch = Stopwatch("cpu")
    with pytest.raises(ValueError, match="x"), watch.phase("data"):
        raise ValueError("x")
    assert set(watch.shares()) == {"data"}
