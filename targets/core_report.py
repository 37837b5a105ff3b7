"""What ``pico_bench`` writes, and how it becomes a run of a result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from pico_deploy.errors import VerificationError
from pico_deploy.measure.result import (
    Bytes,
    Conformance,
    Count,
    Nanoseconds,
    Operation,
    Sha256,
    Strict,
)
from targets.errors import TargetError
from targets.identify import Seen


class CoreReport(Strict):
    """The report of ``pico_bench run``. ``encode`` and ``decode`` have the result's own shape."""

    schema_version: Literal[1] = Field(alias="schema")
    bitstream: str
    kernels: str
    compiler: str
    machine: str
    system: str
    release: str
    arm_midr: int | None = None
    cpu_count: Count
    peak_memory_bytes: Bytes
    tiles: Count
    stream_bytes: Bytes
    load_ns: Annotated[tuple[Nanoseconds, ...], Field(min_length=1)]
    encode: Operation
    decode: Operation
    same_stream: bool
    same_pixels: bool
    decoded_symbols_sha256: Sha256
    stream_sha256: Sha256

    @property
    def seen(self) -> Seen:
        """What the program saw of its machine."""
        return Seen(machine=self.machine, arm_midr=self.arm_midr)


def parse_report(text: bytes, source: str) -> CoreReport:
    """A report from JSON text; raises ``TargetError`` that names the first thing that is wrong."""
    try:
        return CoreReport.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the report"
        raise TargetError(
            f"{source} brought back no report of pico_bench: {where}: {first['msg']}"
        ) from error


class _VectorLine(Strict, extra="ignore"):
    """One line of ``pico_bench conform``; the first one has no vector."""

    vector: str | None = None
    verdict: str | None = None
    expected: str = ""
    found: str = ""


def parse_conformance(
    text: bytes, suite_sha256: str, names: Sequence[str], source: str
) -> Conformance:
    """Verdicts from the lines of ``pico_bench conform``; a vector without a line has failed.

    Raises ``TargetError`` when a line is not one.
    """
    try:
        lines = [_VectorLine.model_validate_json(line) for line in text.splitlines()]
    except ValidationError as error:
        raise TargetError(f"{source} brought back no verdicts on vectors: {error}") from error
    judged = [line for line in lines if line.vector is not None]
    failures = [_difference(line) for line in judged if line.verdict != "exact"]
    seen = {line.vector for line in judged}
    failures += [f"{name} was not judged" for name in names if name not in seen]
    return Conformance(
        suite_sha256=suite_sha256,
        vectors=len(names),
        passed=sum(line.verdict == "exact" for line in judged),
        failures=tuple(failures),
    )


def _difference(line: _VectorLine) -> str:
    told = f": expected {line.expected!r}, found {line.found!r}" if line.found else ""
    return f"{line.vector} {line.verdict}{told}"


def require_exact(report: CoreReport, emitted_symbols_sha256: str, source: str) -> None:
    """Raise ``VerificationError`` unless the target decoded the symbols that analysis emitted,
    coded them to the same bytes, and gave every pixel back.
    """
    if report.decoded_symbols_sha256 != emitted_symbols_sha256:
        raise VerificationError(
            f"{source} decoded symbols {report.decoded_symbols_sha256}, analysis emitted "
            f"{emitted_symbols_sha256}: its core ({report.kernels}, {report.compiler}) is wrong"
        )
    if not report.same_stream:
        raise VerificationError(
            f"{source} coded the same symbols to another stream ({report.stream_sha256}): its core "
            f"({report.kernels}, {report.compiler}) is wrong"
        )
    if not report.same_pixels:
        raise VerificationError(
            f"{source} does not give pixels back that it cut into tiles: its core "
            f"({report.kernels}, {report.compiler}) is wrong"
        )
