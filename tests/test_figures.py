"""What everything that draws shares."""

import sys

import pytest

from pico_deploy.errors import MissingDependencyError
from pico_deploy.figures import new_figure, png, rate_axis

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def drawn(last: float) -> bytes:
    figure = new_figure(2, 1.5, what="the plot", extra="evaluate")
    axes = figure.add_subplot()
    axes.plot([0.1, 0.5, last], [30, 34, 40])
    rate_axis(axes, "bits per pixel")
    return png(figure)


def test_the_same_figure_gives_the_same_bytes() -> None:
    assert drawn(2.0) == drawn(2.0)
    assert drawn(2.0).startswith(SIGNATURE)
    assert drawn(2.0) != drawn(1.0)


def test_rates_are_written_as_plain_numbers() -> None:
    figure = new_figure(4, 3, what="the plot", extra="evaluate")
    axes = figure.add_subplot()
    axes.set_xlim(0.1, 2)
    rate_axis(axes, "bits per pixel")
    figure.canvas.draw()
    shown = {label.get_text() for label in axes.get_xticklabels()}
    assert {"0.1", "0.2", "0.5", "1", "2"} <= shown


def test_without_matplotlib_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingDependencyError, match=r"plot needs .*'pico-deploy\[evaluate\]'"):
        new_figure(2, 1.5, what="the plot", extra="evaluate")
