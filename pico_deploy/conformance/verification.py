"""What a verification found, as data: every check with its figures, and everything that was not
run.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from pico_deploy.conformance.pixels import PixelDifference
from pico_deploy.errors import VerificationError

SCHEMA_VERSION: Literal[1] = 1

Kind = Literal["symbols", "stream", "pixels"]
"""``symbols``: decoded ones are those that analysis emitted. ``stream``: another kernel set
codes the same bytes. ``pixels``: within the tolerance class of the decoder's precision.
"""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Check(_Frozen):
    """One comparison. ``by`` is what was checked, on the stream of ``image`` that ``encoder`` made
    at ``level``.

    ``difference`` says what differs when it failed; ``tolerance`` names the class of a pixel check.
    Pixel figures are null for other kinds; a null PSNR with peak 0 means equal.
    """

    image: str
    level: int
    encoder: str
    kind: Kind
    by: str
    passed: bool
    difference: str | None = None
    tolerance: str | None = None
    peak: int | None = None
    rms: float | None = None
    psnr_db: float | None = None


class Stream(_Frozen):
    """One stream that was made, and the hash of the symbols that went in, kept outside of it."""

    image: str
    level: int
    encoder: str
    width: int
    height: int
    stream_bytes: int
    stream_sha256: str
    emitted_symbols_sha256: str


class NotRun(_Frozen):
    """Something this bundle or this installation would allow, and why it was not run."""

    what: str
    reason: str


class Agreement(_Frozen):
    """Two decoders: the worst PSNR of the pixels that they made of the same stream; null: equal."""

    one: str
    other: str
    peak: int
    psnr_db: float | None


class Verification(_Frozen):
    """The result of ``verify``. ``agreement`` has every pair of decoders where that was asked
    for.
    """

    schema_name: Literal["pico-deploy/verification"] = "pico-deploy/verification"
    schema_version: Annotated[int, Field(ge=1)] = SCHEMA_VERSION
    codec: str
    manifest_sha256: str
    entropy_fingerprint: str
    thresholds_sha256: str
    reference: str
    encoders: tuple[str, ...]
    decoders: tuple[str, ...]
    implementations: tuple[str, ...]
    streams: tuple[Stream, ...]
    checks: tuple[Check, ...]
    not_run: tuple[NotRun, ...]
    agreement: tuple[Agreement, ...] = ()

    @property
    def failed(self) -> list[Check]:
        """Checks that did not pass."""
        return [check for check in self.checks if not check.passed]

    @property
    def passed(self) -> bool:
        """True when symbols were checked and every check passed; ``not_run`` says what was left."""
        return not self.failed and any(check.kind == "symbols" for check in self.checks)

    def require(self) -> None:
        """Raise ``VerificationError`` unless the verification passed."""
        if self.passed:
            return
        if not self.failed:
            raise VerificationError("nothing was checked: no runtime of this machine takes part")
        first = self.failed[0]
        raise VerificationError(
            f"{len(self.failed)} of {len(self.checks)} checks failed, first: {first.kind} by "
            f"{first.by}, {first.image} at level {first.level} encoded by {first.encoder}: "
            f"{first.difference}"
        )


def pixel_figures(difference: PixelDifference) -> dict[str, float | int | None]:
    """Fields of a check; JSON has no infinity, so equal pictures have no PSNR."""
    psnr = difference.psnr_db
    return {
        "peak": difference.peak,
        "rms": difference.rms,
        "psnr_db": None if difference.peak == 0 else psnr,
    }
