"""The reports of a conversion: JSON files beside the bundle, never inside it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from pydantic import BaseModel

from converters.headroom import HeadroomReport
from converters.int8 import Int8Summary
from converters.parity_report import ParityReport
from converters.placement import PlacementReport
from converters.proof import ProofReport
from pico_deploy.outputs import new_folder, replace_folder

_SUFFIXES = (".zip", ".bundle")


@dataclass(frozen=True)
class Reports:
    """One report a file; the field's name is the file's."""

    parity: ParityReport
    headroom: HeadroomReport
    placement: PlacementReport
    proof: ProofReport
    int8: Int8Summary | None


def reports_folder(bundle: Path) -> Path:
    """``pico-s.bundle`` or ``pico-s.bundle.zip`` → ``pico-s.reports``."""
    name = bundle.name
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return bundle.with_name(f"{name}.reports")


def write_reports(folder: Path, reports: Reports) -> None:
    """Write all reports, replacing older ones; raises ``OutputError``."""
    with new_folder(folder) as temporary:
        for field in fields(reports):
            report: BaseModel | None = getattr(reports, field.name)
            if report is not None:
                text = report.model_dump_json(indent=1) + "\n"
                (temporary / f"{field.name}.json").write_text(text, encoding="utf-8")
        replace_folder(temporary, folder)
