"""Resident memory of this process, and its peak."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"


def _status_bytes(field: str) -> int | None:
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) << 10
    return None


def resident_bytes() -> int | None:
    """Resident memory now; None where the system does not say."""
    return _status_bytes("VmRSS")


def reset_peak() -> bool:
    """Let the peak count from now on; False where that cannot be done (the peak then is the
    process's).
    """
    try:
        _CLEAR_REFS.write_text(_RESET_PEAK)
    except OSError:
        return False
    return True


def peak_bytes() -> tuple[int, str]:
    """Peak resident memory and how it was read.

    ``VmHWM`` where it exists: it belongs to the program, while ``ru_maxrss`` starts at what the
    parent process had.
    """
    peak = _status_bytes("VmHWM")
    if peak is not None:
        return peak, "VmHWM of /proc/self/status"
    usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return usage if sys.platform == "darwin" else usage << 10, "ru_maxrss"
