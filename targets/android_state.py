"""State of an Android device from the text of its own tools (``dumpsys``, ``settings``)."""

from __future__ import annotations

import re

from pico_deploy.measure.result import Conditions, ThermalState

THERMAL_STATES = (
    ThermalState.NOMINAL,  # NONE
    ThermalState.FAIR,  # LIGHT
    ThermalState.SERIOUS,  # MODERATE
    ThermalState.SERIOUS,  # SEVERE
    ThermalState.CRITICAL,  # CRITICAL
    ThermalState.CRITICAL,  # EMERGENCY
    ThermalState.CRITICAL,  # SHUTDOWN
)
"""``PowerManager``'s thermal status 0…6 (Android 10 and later) as Apple's states."""


def conditions(battery: str, thermal: str, low_power: str) -> Conditions:
    """From ``dumpsys battery``, ``dumpsys thermalservice`` and ``settings get global low_power``;
    what a text does not say is None.
    """
    level, scale = _number(r"^\s*level: (\d+)", battery), _number(r"^\s*scale: (\d+)", battery)
    tenths = _number(r"^\s*temperature: (-?\d+)", battery)
    powered = re.findall(r"^\s*\w+ powered: (true|false)", battery, re.MULTILINE)
    status = _number(r"^\s*Thermal Status: (\d+)", thermal)
    known = status is not None and status < len(THERMAL_STATES)
    return Conditions(
        thermal_state=THERMAL_STATES[status] if known and status is not None else None,
        temperature_celsius=None if tenths is None else tenths / 10,
        battery_percent=100 * level / scale if level is not None and scale else None,
        charging="true" in powered if powered else None,
        low_power={"0": False, "1": True}.get(low_power.strip()),
    )


def _number(pattern: str, text: str) -> int | None:
    found = re.search(pattern, text, re.MULTILINE)
    return int(found[1]) if found else None
