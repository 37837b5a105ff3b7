"""What a run of the matrix found, as data."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from pico_deploy.errors import VerificationError

Verdict = Literal["exact", "differs", "timed out", "broken", "not run"]
"""``exact``: every vector came out as expected on every kernel set of the cell. ``broken``: it did
not build, or did not end as a runner does. ``not run``: something it needs is not installed here.
"""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CellResult(_Frozen):
    """One compiler at one setting for one platform, and how it was run.

    ``vectors``: how many came out exact, on each of ``kernels``. ``reason``: for everything that is
    not exact.
    """

    platform: str
    compiler: str
    setting: str
    provenance: Annotated[Literal["host", "emulated"], Field(description="never a device")]
    verdict: Verdict
    runs_on: str = ""
    compiler_version: str = ""
    kernels: tuple[str, ...] = ()
    vectors: int = 0
    reason: str | None = None


class Matrix(_Frozen):
    """The result of ``verify --matrix``."""

    schema_name: Literal["pico-deploy/conformance-matrix"] = "pico-deploy/conformance-matrix"
    schema_version: Annotated[int, Field(ge=1)] = 1
    set: int
    index_sha256: str
    vectors: int
    cells: tuple[CellResult, ...]

    @property
    def failed(self) -> list[CellResult]:
        """Cells that were run, or should have been, and are not exact."""
        return [c for c in self.cells if c.verdict not in ("exact", "not run")]

    @property
    def passed(self) -> bool:
        """True when some cell is exact and none failed; what was not run is in the table."""
        return not self.failed and any(cell.verdict == "exact" for cell in self.cells)

    def require(self) -> None:
        """Raise ``VerificationError`` unless the matrix passed."""
        if self.failed:
            first = self.failed[0]
            raise VerificationError(
                f"{len(self.failed)} of {len(self.cells)} cells are not exact, first: "
                f"{first.platform}, {first.compiler} {first.setting}: {first.verdict}"
                f" ({first.reason})"
            )
        if not self.passed:
            raise VerificationError("no cell was run: install a compiler")
