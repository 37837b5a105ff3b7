"""What ``devicectl --json-output`` writes, in both of its layouts.

Up to jsonVersion 4 a device has ``hardwareProperties``, ``deviceProperties`` and
``connectionProperties``; from 5 on (Xcode 27) ``properties`` with ``hardware``, ``software``,
``state`` and ``connection``, at first beside the old ones. Apple documents neither: only what is
needed is read, what is new wins, and what is missing is None. Sources: test data and parsers of
Flutter, Qt Creator and other tools that read this output; none of it was recorded here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from targets.errors import (
    DeviceFullError,
    DisconnectedError,
    NoSuchDeviceError,
    NotOnTargetError,
    TargetError,
    UnauthorisedError,
    UnsupportedError,
)
from targets.transport import DeviceInfo

# What an error says, and what it means; the first match counts.
_MEANINGS: tuple[tuple[str, type[TargetError]], ...] = (
    ("device was not found", NoSuchDeviceError),
    ("file node", NotOnTargetError),
    ("no such file", NotOnTargetError),
    ("no space left", DeviceFullError),
    ("not enough space", DeviceFullError),
    ("locked", UnauthorisedError),
    ("unlocked", UnauthorisedError),
    ("developer mode", UnauthorisedError),
    ("not paired", UnauthorisedError),
    ("trusted", UnauthorisedError),
    ("is not supported by this device", UnsupportedError),
    ("tunnel connection failed", DisconnectedError),
    ("connection was invalidated", DisconnectedError),
    ("timed out", DisconnectedError),
)


def result_of(document: Mapping[str, Any], address: str) -> Mapping[str, Any]:
    """The ``result`` of an envelope; raises the typed error that its failure means."""
    error = document.get("error")
    outcome = _at(document, "info", "outcome")
    if error is None and outcome == "success":
        result = document.get("result")
        return result if isinstance(result, Mapping) else {}
    if not isinstance(error, Mapping):
        raise TargetError(f"{address}: devicectl ended with {outcome!r} and gave no reason")
    text = " ".join(_texts(error))
    code = error.get("code")
    kind = next((kind for words, kind in _MEANINGS if words in text.lower()), TargetError)
    raise kind(f"{address}: {text or 'no reason was given'} (CoreDevice error {code})")


def devices(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Physical iPhones and iPads of ``list devices``; Xcode 27 lists simulators, too."""
    listed = result.get("devices")
    found = [d for d in listed if isinstance(d, Mapping)] if isinstance(listed, list) else []
    return [
        d
        for d in found
        if _hardware(d).get("reality") == "physical"
        and _hardware(d).get("platform") in ("iOS", "iPadOS")
    ]


def udid(device: Mapping[str, Any]) -> str | None:
    """The hardware's identifier."""
    value = _hardware(device).get("udid") or device.get("identifier")
    return value if isinstance(value, str) else None


def device_info(device: Mapping[str, Any]) -> DeviceInfo:
    """A device as ``info`` reports it."""
    hardware = _hardware(device)
    product = _text(hardware.get("productType"))
    cpu = hardware.get("cpuType")
    return DeviceInfo(
        platform="ios",
        runs="apps",
        model=product or "unknown",
        manufacturer="Apple",
        architecture=_text(_at({"cpu": cpu}, "cpu", "name")) or "arm64",
        os=_text(hardware.get("platform")) or "iOS",
        os_version=_os_version(device) or "unknown",
        os_build=_os_build(device),
        properties={
            name: text
            for name in ("productType", "marketingName", "reality", "platform", "hardwareModel")
            if (text := _text(hardware.get(name)))
        },
    )


def _hardware(device: Mapping[str, Any]) -> Mapping[str, Any]:
    old, new = _at(device, "hardwareProperties"), _at(device, "properties", "hardware")
    return {
        **(old if isinstance(old, Mapping) else {}),
        **(new if isinstance(new, Mapping) else {}),
    }


def _os_version(device: Mapping[str, Any]) -> str | None:
    new = _at(device, "properties", "software", "osVersionNumber", "stringValue")
    return _text(new) or _text(_at(device, "deviceProperties", "osVersionNumber"))


def _os_build(device: Mapping[str, Any]) -> str | None:
    new = _at(device, "properties", "software", "osBuildVersions", "buildVersion", "name")
    return _text(new) or _text(_at(device, "deviceProperties", "osBuildUpdate"))


def _at(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(value: Any) -> list[str]:
    """Every sentence of an error, the outermost first."""
    if not isinstance(value, Mapping):
        return []
    found = []
    for name in ("NSLocalizedDescription", "NSLocalizedFailureReason"):
        text = _text(_at(value, "userInfo", name, "string"))
        if text and text not in found:
            found.append(text)
    return found + _texts(_at(value, "userInfo", "NSUnderlyingError", "error"))
