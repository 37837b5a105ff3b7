"""What a drift test found, as data, as a table and as a plot."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from pico_deploy.conformance.thresholds import Thresholds
from pico_deploy.errors import VerificationError
from pico_deploy.figures import new_figure, png

SCHEMA_VERSION: Literal[1] = 1

Site = Literal["mu", "q", "context", "transforms", "everything"]
"""Where noise goes: predicted means, quantisation steps (their logarithm), the other layers of the
context model, encoder and decoder, or all layers of both parts at once.
"""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DriftPoint(_Frozen):
    """One image, one site, one size of noise (relative to the RMS of each tensor).

    ``moved_symbols``: summed over all coders. ``peak``, ``rms``, ``psnr_db``: pixels of the noisy
    ``synthesis`` against the quiet one, same stream; a null PSNR means equal. ``quality_psnr_db``:
    what the noisy encoder's stream gives against the original.
    """

    image: str
    level: int
    site: Site
    noise: float
    symbols_sha256: str
    moved_symbols: int
    bits_per_pixel: float
    quality_psnr_db: float
    peak: int
    rms: float
    psnr_db: float | None


class DriftReport(_Frozen):
    """All points. ``coders`` decoded the symbols, each one every stream."""

    schema_name: Literal["pico-deploy/drift"] = "pico-deploy/drift"
    schema_version: Literal[1] = SCHEMA_VERSION
    codec: str
    entropy_fingerprint: str
    coders: tuple[str, ...]
    points: tuple[DriftPoint, ...]

    @property
    def moved_symbols(self) -> int:
        """Over all points; anything but 0 breaks the first promise."""
        return sum(point.moved_symbols for point in self.points)

    def require(self) -> None:
        """Raise ``VerificationError`` if a symbol moved."""
        for point in self.points:
            if point.moved_symbols:
                raise VerificationError(
                    f"{point.moved_symbols} symbols of {point.image} moved under noise of "
                    f"{point.noise:.2g} on {point.site}: something between the bytes and the "
                    "symbols depends on float"
                )

    def worst(self, site: Site, noise: float) -> DriftPoint:
        """The point of the lowest PSNR."""
        points = [p for p in self.points if p.site == site and p.noise == noise]
        return min(points, key=lambda p: float("inf") if p.psnr_db is None else p.psnr_db)

    @property
    def sites(self) -> tuple[Site, ...]:
        """In the order they were measured."""
        return tuple(dict.fromkeys(point.site for point in self.points))

    @property
    def noises(self) -> tuple[float, ...]:
        """In rising order."""
        return tuple(sorted({point.noise for point in self.points}))


def table(report: DriftReport) -> str:
    """Markdown: the worst PSNR of all images at every site and noise, and how many symbols
    moved.
    """
    lines = [
        "| noise | " + " | ".join(report.sites) + " | symbols that moved |",
        "|---" * (len(report.sites) + 2) + "|",
    ]
    for noise in report.noises:
        cells = []
        for site in report.sites:
            worst = report.worst(site, noise).psnr_db
            cells.append("equal" if worst is None else f"{worst:.1f} dB")
        moved = sum(p.moved_symbols for p in report.points if p.noise == noise)
        lines.append(f"| {noise:.2g} | " + " | ".join(cells) + f" | {moved} |")
    return "\n".join(lines) + "\n"


def plot(report: DriftReport, limits: Thresholds) -> bytes:
    """PNG: worst pixel PSNR over noise, a line for each site, with the limits of the tolerance
    classes.
    """
    figure = new_figure(8, 4.8, what="the plot", extra="conformance")
    axes = figure.add_subplot()
    for site in report.sites:
        found = [(noise, report.worst(site, noise).psnr_db) for noise in report.noises]
        drawn = [(noise, psnr) for noise, psnr in found if psnr is not None]
        axes.plot(*zip(*drawn, strict=True), marker="o", label=site) if drawn else None
    for name in ("fp32", "fp16", "int8"):
        limit = limits.pixels[name].psnr_db
        axes.axhline(limit, color="0.5", linewidth=0.8, linestyle="--")
        axes.annotate(f"limit of {name}", (report.noises[-1], limit), ha="right", va="bottom")
    axes.set_xscale("log", base=2)
    axes.set_xlabel("noise, relative to the RMS of each tensor")
    axes.set_ylabel("pixels against the quiet decoder, PSNR dB (worst image)")
    axes.set_title(f"Drift: {report.moved_symbols} symbols moved")
    axes.legend()
    return png(figure)
