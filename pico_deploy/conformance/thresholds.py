"""The limits of gates and conformance tests: one data file, read and checked in one place."""

from __future__ import annotations

import hashlib
import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pico_deploy.bundle.manifest import Precision
from pico_deploy.conformance.pixels import PixelDifference
from pico_deploy.errors import UsageError
from pico_deploy.runtime.backend import ArithmeticName

FILE = Path(__file__).resolve().parent / "thresholds.toml"

Positive = Annotated[float, Field(gt=0)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ParityLimits(_Section):
    """How far a converted part may be from PyTorch; the comments in the file say what each
    means.
    """

    synthesis_loss_db: dict[Precision, Positive]
    judged_up_to_bits_per_pixel: Positive
    analysis_bits_percent: Positive
    analysis_loss_db: Positive
    sanity_floor_db: Positive


class HeadroomLimits(_Section):
    """When a layer counts as near the range of its arithmetic."""

    near_factor: Annotated[float, Field(ge=1)]


class PixelTolerance(_Section):
    """How far 8-bit pixels may be from the reference decode of the same stream: a tolerance
    class.
    """

    peak: Annotated[int, Field(ge=0, le=255)]
    rms: Positive
    psnr_db: Positive


ToleranceClass = Literal["fp32", "fp16", "bf16", "int8", "int8-high-rate"]


class Thresholds(_Section):
    """All limits. ``sha256`` is that of the file they were read from."""

    parity: ParityLimits
    headroom: HeadroomLimits
    pixels: dict[ToleranceClass, PixelTolerance]
    sha256: str

    def tolerance_class(self, precision: ArithmeticName, bits_per_pixel: float) -> ToleranceClass:
        """The class that decoding a stream of this rate in this precision must keep."""
        high = bits_per_pixel > self.parity.judged_up_to_bits_per_pixel
        if precision == "int8" and high:
            return "int8-high-rate"
        return precision


def read_thresholds(path: Path) -> Thresholds:
    """Read a thresholds file; raises ``UsageError`` naming the first entry that is missing,
    unknown or wrong.
    """
    try:
        data = path.read_bytes()
        return Thresholds(**tomllib.loads(data.decode()), sha256=hashlib.sha256(data).hexdigest())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: not a readable thresholds file: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(f"{path}: {where}: {first['msg']}") from error


@cache
def thresholds() -> Thresholds:
    """The limits this release applies."""
    return read_thresholds(FILE)


def excess(found: PixelDifference, limit: PixelTolerance) -> str | None:
    """Which limits do not hold; written so that a NaN fails."""
    broken = []
    if not found.peak <= limit.peak:
        broken.append(f"peak {found.peak} over {limit.peak}")
    if not found.rms <= limit.rms:
        broken.append(f"RMS {found.rms:.3f} over {limit.rms:g}")
    if not found.psnr_db >= limit.psnr_db:
        broken.append(f"PSNR {found.psnr_db:.2f} dB under {limit.psnr_db:g}")
    return ", ".join(broken) or None
