"""Android phones on a cable or network: ``adb:SERIAL``, or ``adb`` when only one is connected."""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import adbutils

from pico_deploy.errors import InputError, MissingDependencyError
from pico_deploy.measure.result import Conditions
from targets import android_state
from targets.adb_wire import NO_ADB, Wire, command_line
from targets.errors import NoSuchDeviceError, TargetError, UnauthorisedError, UnsupportedError
from targets.transfers import Closing, arriving, only_one
from targets.transport import (
    DEFAULT_TIMEOUT_S,
    Completed,
    DeviceInfo,
    Transport,
    checked_name,
)

FOLDER = "/data/local/tmp"
"""The one place where the shell user may write and run programs."""
_ASK_S = 20.0
_PROPERTY = re.compile(r"^\[([^\]]+)\]: \[(.*)\]$", re.MULTILINE)


class AdbTransport(Closing):
    """One Android device, through the adb server of this machine (``ANDROID_ADB_SERVER_PORT``).

    ``idle_s`` is how long the device may be silent in a transfer; ``base`` is where on the device
    this transport makes its folder, ``folder_name``.
    """

    def __init__(self, serial: str, idle_s: float = 60.0, base: str = FOLDER) -> None:
        self._serial = serial
        self._idle_s = idle_s
        client = adbutils.AdbClient(socket_timeout=idle_s)
        self._wire = Wire(client, serial, idle_s)
        with self._wire.translated("its state", idle_s):
            states = {found.serial: found.state for found in client.list()}
            self._require(states)
            features = client.device(serial).get_features().split(",")
        if "shell_v2" not in features:
            raise UnsupportedError(f"{self.address} has no shell_v2 (Android 7 and later have)")
        self.folder_name = f"pico-{secrets.token_hex(4)}"
        self._folder = f"{base}/{self.folder_name}"
        self._made = False

    def _require(self, states: Mapping[str, str]) -> None:
        state = states.get(self._serial)
        if state is None:
            known = ", ".join(sorted(states)) or "none"
            raise NoSuchDeviceError(
                f"no Android device is called {self._serial}; connected: {known}. Connect it, or "
                "`adb connect` it"
            )
        if state != "device":
            kind = UnauthorisedError if state in ("unauthorized", "authorizing") else TargetError
            raise kind(
                f"{self.address} is {state}; unlock the phone and allow USB debugging from this "
                "computer"
            )

    @property
    def address(self) -> str:
        """``adb:SERIAL``."""
        return f"adb:{self._serial}"

    def info(self) -> DeviceInfo:
        """Build properties, CPU and state."""
        properties = dict(_PROPERTY.findall(self._ask("getprop")))
        memory = re.search(r"^MemTotal:\s*(\d+) kB", self._ask("cat /proc/meminfo"), re.MULTILINE)
        cpuinfo = self._ask("cat /proc/cpuinfo")
        soc = (properties.get("ro.soc.manufacturer"), properties.get("ro.soc.model"))
        return DeviceInfo(
            platform="android",
            runs="programs",
            model=properties.get("ro.product.model") or self._serial,
            manufacturer=properties.get("ro.product.manufacturer"),
            soc=" ".join(filter(None, soc)) or properties.get("ro.board.platform"),
            architecture=self._ask("uname -m").strip(),
            cpu_count=len(re.findall(r"^processor\s*:", cpuinfo, re.MULTILINE)) or None,
            memory_bytes=int(memory[1]) << 10 if memory else None,
            os="Android",
            os_version=properties.get("ro.build.version.release", "unknown"),
            os_build=properties.get("ro.build.fingerprint"),
            properties=properties,
            cpuinfo=cpuinfo,
            conditions=self._conditions(),
        )

    def _conditions(self) -> Conditions:
        return android_state.conditions(
            battery=self._ask("dumpsys battery"),
            thermal=self._ask("dumpsys thermalservice"),
            low_power=self._ask("settings get global low_power"),
        )

    def _ask(self, command: str) -> str:
        # A command that a device lacks answers with nothing: what it would tell is then unknown.
        done = self._wire.shell(command, min(_ASK_S, self._idle_s))
        return done.stdout.decode(errors="replace") if done.exit_code == 0 else ""

    def push(self, source: Path, name: str) -> None:
        """Copy to the device with the sync protocol."""
        path = f"{self._folder}/{checked_name(name)}"
        try:
            file = source.open("rb")
        except OSError as error:
            raise InputError(f"cannot push {source}: {error.strerror or error}") from error
        with file:
            self._made = True
            self._wire.send(file, path)  # makes the folders on the way

    def pull(self, name: str, destination: Path) -> None:
        """Copy from the device with the sync protocol."""
        path = f"{self._folder}/{checked_name(name)}"
        with arriving(destination) as part, part.open("wb") as file:
            file.writelines(self._wire.receive(path))

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> Completed:
        """Run a pushed program in the device's shell."""
        checked_name(argv[0])
        if not self._made:
            self._wire.shell(f"mkdir -p {self._folder}", _ASK_S)
            self._made = True
        return self._wire.shell(command_line(self._folder, argv, env or {}), timeout_s)

    def start_activity(self, component: str, extras: Mapping[str, str]) -> None:
        """Start an activity with text extras, in a new process; raises ``TargetError`` with the
        device's reason.
        """
        words = ["am", "start", "-S", "-W", "-n", component]
        for name, value in extras.items():
            words += ["--es", name, value]
        done = self._wire.shell(shlex.join(words), self._idle_s)
        # Some versions of Android say "Error" and leave with 0.
        if done.exit_code != 0 or b"Error" in done.stdout + done.stderr:
            raise TargetError(f"{self.address} did not start {component}: {done.last_words}")

    def install(self, package: Path) -> None:
        """Install an APK, replacing an older one."""
        self.push(package, package.name)
        path = shlex.quote(f"{self._folder}/{package.name}")
        done = self._wire.shell(f"pm install -r -t {path}", self._idle_s)
        if done.exit_code != 0 or b"Success" not in done.stdout:
            raise TargetError(f"{self.address} refused {package.name}: {done.last_words}")

    def logs(self) -> str:
        """The last 500 lines of logcat."""
        return self._ask("logcat -d -t 500")

    def close(self) -> None:
        """Remove the folder; a device that is gone by now keeps it."""
        self._wire.close()
        if self._made:
            self._made = False
            try:
                self._wire.shell(f"rm -rf {self._folder}", min(_ASK_S, self._idle_s))
            except TargetError:
                return


def open_adb(argument: str) -> Transport:
    """The transport of ``adb:SERIAL``; without a serial, the only device that is connected."""
    return AdbTransport(argument or only_one(connected(), "Android device"))


def connected() -> list[str]:
    """Devices that the adb server knows and that trust this machine."""
    client = adbutils.AdbClient(socket_timeout=_ASK_S)
    try:
        return [f"adb:{found.serial}" for found in client.list() if found.state == "device"]
    except FileNotFoundError as error:
        raise MissingDependencyError(NO_ADB) from error
    except (adbutils.AdbError, OSError) as error:
        if "No adb exe" in str(error):
            raise MissingDependencyError(NO_ADB) from error
        raise TargetError(f"the adb server does not answer: {error}") from error
