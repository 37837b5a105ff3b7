"""Pictures of curves and tables: what everything that draws with matplotlib shares."""

from __future__ import annotations

import io
from typing import Any

from pico_deploy.errors import MissingDependencyError


def new_figure(width: float, height: float, *, what: str, extra: str) -> Any:
    """An empty figure of that size in inches, without a window. ``what`` needs it, and the
    optional dependencies ``extra`` bring matplotlib; raises ``MissingDependencyError``.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError(
            f"{what} needs matplotlib: pip install 'pico-deploy[{extra}]'"
        ) from error
    figure: Any = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def rate_axis(axes: Any, label: str) -> None:
    """Make the x axis logarithmic in bits per pixel, with plain numbers and a grid."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(label)
    axes.grid(True, which="both", alpha=0.3)


def png(figure: Any) -> bytes:
    """The figure at 100 dots an inch; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return buffer.getvalue()
