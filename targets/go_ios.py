"""iPhones without a Mac, through go-ios (https://github.com/danielpaulus/go-ios):
``go-ios:UDID``.

The tool is optional and its output is JSON. It does not say whether a device is physical, so a
result that came this way is never called one of a device. iOS 17 and later want `ios tunnel start`
first. **No iPhone has been reached this way here**: it is tested against a stand-in.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pico_deploy.errors import InputError
from targets.devicectl import APP
from targets.errors import (
    DeviceFullError,
    DisconnectedError,
    NoSuchDeviceError,
    NotOnTargetError,
    TargetError,
    UnauthorisedError,
)
from targets.external import call
from targets.transfers import Closing, arriving, only_one, require_file
from targets.transport import (
    DEFAULT_TIMEOUT_S,
    Completed,
    DeviceInfo,
    Transport,
    checked_name,
)

_REMEDY = "run `npm install -g go-ios`"
_ASK_S = 120.0
_MEANINGS: tuple[tuple[str, type[TargetError]], ...] = (
    ("not found. is it attached", NoSuchDeviceError),
    ("no device", NoSuchDeviceError),
    ("pair", UnauthorisedError),
    ("password protected", UnauthorisedError),
    ("locked", UnauthorisedError),
    ("no such file", NotOnTargetError),
    ("object not found", NotOnTargetError),
    ("no space", DeviceFullError),
    ("tunnel", DisconnectedError),
    ("connection", DisconnectedError),
    ("eof", DisconnectedError),
)


class GoIosTransport(Closing):
    """One iPhone. ``app`` is whose container files go to; they stay there, and the next run
    replaces them.
    """

    def __init__(self, udid: str, app: str = APP) -> None:
        self._udid, self._app = udid, app
        self._log: list[str] = []
        self._values = _document(self._ask("info"), self.address)

    @property
    def address(self) -> str:
        """``go-ios:UDID``."""
        return f"go-ios:{self._udid}"

    def info(self) -> DeviceInfo:
        """The values of lockdown; the phone's state is in the app's own result."""
        text = {name: value for name, value in self._values.items() if isinstance(value, str)}
        named = {"productType": "ProductType", "hardwareModel": "HardwareModel"}
        return DeviceInfo(
            platform="ios",
            runs="apps",
            model=text.get("ProductType", "unknown"),
            manufacturer="Apple",
            architecture=text.get("CPUArchitecture", "arm64"),
            os=text.get("ProductName", "iOS"),
            os_version=text.get("ProductVersion", "unknown"),
            os_build=text.get("BuildVersion"),
            properties={ours: text[theirs] for ours, theirs in named.items() if theirs in text},
        )

    def push(self, source: Path, name: str) -> None:
        """Copy into the app's Documents."""
        target = checked_name(name)
        require_file(source)
        self._sync("push", str(source), f"/Documents/{target}")

    def pull(self, name: str, destination: Path) -> None:
        """Copy out of the app's Documents."""
        source = checked_name(name)
        with arriving(destination) as part:
            self._sync("pull", f"/Documents/{source}", str(part))

    def _sync(self, direction: str, source: str, destination: str) -> None:
        paths = (f"--srcPath={source}", f"--dstPath={destination}")
        self._ask("fsync", f"--app={self._app}", direction, *paths)

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> Completed:
        """Launch an app and stay with it until it ends."""
        given = [f"--arg={text}" for text in argv[1:]]
        given += [f"--env={name}={value}" for name, value in (env or {}).items()]
        done = self._call("launch", argv[0], "--wait", *given, timeout_s=timeout_s)
        self._log += [done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")]
        return Completed(done.returncode, done.stdout, done.stderr)

    def install(self, package: Path) -> None:
        """Install an ``.ipa`` or ``.app``."""
        if not package.exists():
            raise InputError(f"cannot install {package}: it is not there")
        self._ask("install", f"--path={package}")

    def logs(self) -> str:
        """What go-ios and the apps wrote."""
        return "".join(self._log)

    def _call(self, *arguments: str, timeout_s: float) -> subprocess.CompletedProcess[bytes]:
        argv = ["ios", *arguments, f"--udid={self._udid}"]
        return call(argv, f"{self.address}: ios {arguments[0]}", _REMEDY, timeout_s)

    def _ask(self, *arguments: str) -> bytes:
        done = self._call(*arguments, timeout_s=_ASK_S)
        if done.returncode != 0:
            raise _failure(done, self.address)
        return done.stdout


def _failure(done: subprocess.CompletedProcess[bytes], address: str) -> TargetError:
    """go-ios logs JSON lines; the last one of level error or fatal is the reason."""
    reason = done.stderr.decode(errors="replace").strip()
    for line in reason.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("level") in ("error", "fatal"):
            reason = ": ".join(str(entry[key]) for key in ("msg", "err") if entry.get(key))
    kind = next((kind for words, kind in _MEANINGS if words in reason.lower()), TargetError)
    return kind(f"{address}: {reason or f'ios ended with {done.returncode}'}")


def _document(text: bytes, address: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise TargetError(f"{address}: go-ios wrote no JSON: {error}") from error
    if not isinstance(document, dict):
        raise TargetError(f"{address}: go-ios wrote JSON that is no object")
    return document


def open_go_ios(argument: str) -> Transport:
    """The transport of ``go-ios:UDID``; without one, the only iPhone that is connected."""
    return GoIosTransport(argument or only_one(connected(), "iPhone"))


def connected() -> list[str]:
    """iPhones that usbmuxd knows."""
    done = call(["ios", "list"], "go-ios: ios list", _REMEDY, _ASK_S)
    if done.returncode != 0:
        raise _failure(done, "go-ios")
    listed = _document(done.stdout, "go-ios").get("deviceList")
    return [f"go-ios:{name}" for name in listed or () if isinstance(name, str)]
