"""iPhones on a Mac, through ``xcrun devicectl``: ``devicectl:UDID``.

Files live in the Documents of the harness app; ``run`` launches an installed app by its identifier
and waits for it. Only ``--json-output`` is read. **No Mac has run this**: it is tested against a
stand-in that replays recorded shapes.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pico_deploy.errors import InputError, last_line
from targets import devicectl_json
from targets.errors import TargetError
from targets.external import call
from targets.transfers import Closing, arriving, only_one, require_file
from targets.transport import (
    DEFAULT_TIMEOUT_S,
    Completed,
    DeviceInfo,
    Transport,
    checked_name,
)

APP = "org.pico-deploy.PicoHarness"
_REMEDY = "devicectl comes with Xcode 15 and later, on macOS only"
_ASK_S = 120.0


class DevicectlTransport(Closing):
    """One paired iPhone. ``app`` is whose container files go to; they stay there, and the next run
    replaces them.
    """

    def __init__(self, udid: str, app: str = APP) -> None:
        self._udid, self._app = udid, app
        self._log: list[str] = []
        self._record = _ask(self.address, "device", "info", "details", "--device", udid)

    @property
    def address(self) -> str:
        """``devicectl:UDID``."""
        return f"devicectl:{self._udid}"

    def info(self) -> DeviceInfo:
        """What the developer tools know of the phone; its state is in the app's own result."""
        return devicectl_json.device_info(self._record)

    def push(self, source: Path, name: str) -> None:
        """Copy into the app's Documents."""
        target = checked_name(name)
        require_file(source)
        self._copy("to", str(source), f"Documents/{target}")

    def pull(self, name: str, destination: Path) -> None:
        """Copy out of the app's Documents."""
        source = checked_name(name)
        with arriving(destination) as part:
            self._copy("from", f"Documents/{source}", str(part))

    def _copy(self, direction: str, source: str, destination: str) -> None:
        container = ("--domain-type", "appDataContainer", "--domain-identifier", self._app)
        paths = ("--source", source, "--destination", destination)
        device = ("--device", self._udid)
        _ask(self.address, "device", "copy", direction, *device, *container, *paths)

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> Completed:
        """Launch an app and stay with it until it ends; its output is the console's."""
        arguments = ["device", "process", "launch", "--device", self._udid, "--console"]
        arguments += ["--terminate-existing"]
        if env:
            arguments += ["--environment-variables", json.dumps(dict(env))]
        done, _ = _call(self.address, [*arguments, *argv], timeout_s)
        self._log += [done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")]
        return Completed(done.returncode, done.stdout, done.stderr)

    def install(self, package: Path) -> None:
        """Install an app: the ``.app`` folder or an ``.ipa``."""
        if not package.exists():
            raise InputError(f"cannot install {package}: it is not there")
        _ask(self.address, "device", "install", "app", "--device", self._udid, str(package))

    def logs(self) -> str:
        """What apps wrote to the console."""
        return "".join(self._log)


def _call(
    address: str, arguments: Sequence[str], timeout_s: float
) -> tuple[subprocess.CompletedProcess[bytes], Mapping[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "output.json"
        # The app's own arguments come last, so devicectl's options go before them.
        argv = ["xcrun", "devicectl", "--json-output", str(output), "--quiet", *arguments]
        done = call(argv, f"{address}: devicectl {arguments[1]}", _REMEDY, timeout_s)
        try:
            document = json.loads(output.read_bytes())
        except (OSError, ValueError) as error:
            said = last_line(done.stderr.decode(errors="replace"))
            raise TargetError(f"{address}: devicectl wrote no JSON: {said}") from error
    if not isinstance(document, dict):
        raise TargetError(f"{address}: devicectl wrote JSON that is no object")
    return done, devicectl_json.result_of(document, address)


def _ask(address: str, *arguments: str) -> Mapping[str, Any]:
    return _call(address, arguments, _ASK_S)[1]


def open_devicectl(argument: str) -> Transport:
    """The transport of ``devicectl:UDID``; without one, the only iPhone that is paired."""
    return DevicectlTransport(argument or only_one(connected(), "iPhone"))


def connected() -> list[str]:
    """iPhones and iPads that are paired with this Mac."""
    listed = devicectl_json.devices(_ask("devicectl", "list", "devices"))
    return [f"devicectl:{name}" for device in listed if (name := devicectl_json.udid(device))]
