"""What the parity gates report, and when a figure is a failure."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from pico_deploy.bundle import Artefact
from pico_deploy.conformance.thresholds import ParityLimits
from pico_deploy.errors import ConversionError


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class SynthesisPoint(_Frozen):
    """One anchor: means over the tiles, and the worst agreement of a tile with PyTorch's pixels."""

    level: int
    bits_per_pixel: float
    reference_psnr_db: float
    loss_db: float
    agreement_db: float
    judged: bool


class AnalysisPoint(_Frozen):
    """One anchor: change of coded bits and of PSNR, and the share of symbols that differ."""

    level: int
    bits_per_pixel: float
    bits_change_percent: float
    loss_db: float
    differing_symbols_percent: float


class ArtefactParity(_Frozen):
    """What the gates found for one artefact; ``failures`` is empty when it passed.

    ``shipped`` is false for a variant that was tried and is not in the bundle.
    """

    artefact: str
    checked_with: str
    variant: str = ""
    shipped: bool = True
    synthesis: tuple[SynthesisPoint, ...] = ()
    analysis: tuple[AnalysisPoint, ...] = ()
    failures: tuple[str, ...] = ()


class ParityReport(_Frozen):
    """Results of all artefacts on one set of tiles."""

    codec: str
    tiles: int
    thresholds_sha256: str
    limits: ParityLimits
    artefacts: tuple[ArtefactParity, ...]

    def raise_on_failure(self) -> None:
        """Raise ``ConversionError`` with the first failure of each shipped artefact, if any."""
        failed = [
            f"{a.artefact} {a.failures[0]}" for a in self.artefacts if a.shipped and a.failures
        ]
        if failed:
            raise ConversionError(
                f"converted parts of {self.codec} do not match PyTorch: {'; '.join(failed)}; "
                "the parity report beside the bundle has every point"
            )


def synthesis_failures(
    artefact: Artefact, points: tuple[SynthesisPoint, ...], limits: ParityLimits
) -> list[str]:
    """Every limit a synthesis artefact is over, in words."""
    allowed = limits.synthesis_loss_db[artefact.precision]
    failures = []
    for p in points:
        at = f"at level {p.level} ({p.bits_per_pixel:.3f} bpp)"
        # Written so that a NaN fails.
        if not p.agreement_db >= limits.sanity_floor_db:
            failures.append(
                f"{at} only {p.agreement_db:.1f} dB against PyTorch, "
                f"below {limits.sanity_floor_db:g}"
            )
        if p.judged and not p.loss_db <= allowed:
            failures.append(f"{at} loses {p.loss_db:.3f} dB, more than {allowed:g}")
    return failures


def analysis_failures(points: tuple[AnalysisPoint, ...], limits: ParityLimits) -> list[str]:
    """Every limit an analysis artefact is over, in words."""
    failures = []
    for p in points:
        at = f"at level {p.level} ({p.bits_per_pixel:.3f} bpp)"
        if not p.bits_change_percent <= limits.analysis_bits_percent:
            failures.append(
                f"{at} costs {p.bits_change_percent:.2f} % more bits, "
                f"over {limits.analysis_bits_percent:g}"
            )
        if not p.loss_db <= limits.analysis_loss_db:
            failures.append(f"{at} loses {p.loss_db:.3f} dB, more than {limits.analysis_loss_db:g}")
    return failures
