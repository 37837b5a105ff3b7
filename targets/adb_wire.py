"""Files and programs over connections of adbutils, with deadlines and the device's own reasons.

adbutils finds the server, starts it and opens transports; its own ``push``, ``pull`` and ``shell2``
drop the text of a refusal, take a broken connection for the end of data, and time out only when
nothing at all arrives. Protocols: ``SYNC.TXT`` and ``SERVICES.TXT`` of the Android platform tools.
"""

from __future__ import annotations

import shlex
import socket
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import BinaryIO

import adbutils

from pico_deploy.errors import MissingDependencyError, UsageError
from targets.errors import (
    DeviceFullError,
    DisconnectedError,
    NoSuchDeviceError,
    NotOnTargetError,
    TargetError,
    TargetTimeoutError,
    UnauthorisedError,
)
from targets.transport import Completed

NO_ADB = "adb is not installed; run `apt-get install adb`"
_CHUNK = 64 << 10  # the most a data packet of the sync protocol may hold
_FILE_MODE = 0o100755
_STDOUT, _STDERR, _EXIT = 1, 2, 3
# What the adb server and adbd say, and what it means; the first match counts.
_REFUSALS: tuple[tuple[str, type[TargetError]], ...] = (
    ("unauthorized", UnauthorisedError),
    ("still authorizing", UnauthorisedError),
    ("no permissions", UnauthorisedError),
    ("not found", NoSuchDeviceError),
    ("no devices", NoSuchDeviceError),
    ("can't find any android device", NoSuchDeviceError),
    ("offline", DisconnectedError),
    ("closed", DisconnectedError),
    ("no space left", DeviceFullError),
    ("quota exceeded", DeviceFullError),
    ("no such file", NotOnTargetError),
)
_REMEDIES: dict[type[TargetError], str] = {
    UnauthorisedError: "unlock the phone and allow USB debugging from this computer",
    NoSuchDeviceError: "connect it, or `adb connect` it; `pico-deploy devices` lists what is there",
    DisconnectedError: "check the cable and that the phone did not go to sleep",
    TargetTimeoutError: "try again; a phone that is busy or hot answers late",
}


class Wire:
    """Connections to one device. ``idle_s``: how long the device may be silent in a transfer."""

    def __init__(self, client: adbutils.AdbClient, serial: str, idle_s: float) -> None:
        self._device = client.device(serial)
        self._name = f"adb:{serial}"
        self._idle_s = idle_s
        self._sync: adbutils.AdbConnection | None = None

    def send(self, source: BinaryIO, path: str) -> None:
        """Write a file on the device, executable."""
        with self._writing(path) as connection:
            connection.sendall(_packet(b"SEND", f"{path},{_FILE_MODE}".encode()))
            while chunk := source.read(_CHUNK):
                connection.sendall(_packet(b"DATA", chunk))
            connection.sendall(b"DONE" + struct.pack("<I", int(time.time())))
            self._status(connection, path)

    def receive(self, path: str) -> Iterator[bytes]:
        """Read a file of the device to its end."""
        with self._opened("sync:", path) as connection:
            connection.sendall(_packet(b"RECV", path.encode()))
            while (word := self._exactly(connection, 4)) == b"DATA":
                yield self._block(connection)
            if word != b"DONE":
                raise self._refused(word, connection, path)

    def shell(self, command: str, timeout_s: float) -> Completed:
        """Run a command in the device's shell; a deadline closes the stream, upon which adbd sends
        the program a hang-up.
        """
        outputs = {_STDOUT: bytearray(), _STDERR: bytearray()}
        deadline = time.monotonic() + timeout_s
        with self._opened(f"shell,v2,raw:{command}", command, timeout_s) as connection:
            while True:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                connection.settimeout(left)
                (kind,) = self._exactly(connection, 1)
                data = self._block(connection)
                if kind == _EXIT:
                    return Completed(data[0], bytes(outputs[_STDOUT]), bytes(outputs[_STDERR]))
                if kind in outputs:
                    outputs[kind] += data

    def close(self) -> None:
        """End the stream that files are written on."""
        if self._sync is not None:
            self._sync.close()
            self._sync = None

    @contextmanager
    def _writing(self, path: str) -> Iterator[socket.socket]:
        """A stream of the sync protocol, kept for the next file unless something goes wrong on it:
        hundreds of small files would otherwise wait for hundreds of connections.
        """
        with self.translated(path, self._idle_s):
            connection, self._sync = self._sync, None
            if connection is None:
                connection = self._device.open_transport(timeout=self._idle_s)
                connection.send_command("sync:")
                connection.check_okay()
            try:
                yield connection.conn
            except BaseException:
                connection.close()
                raise
            self._sync = connection

    @contextmanager
    def _opened(
        self, service: str, what: str, timeout_s: float | None = None
    ) -> Iterator[socket.socket]:
        wait = self._idle_s if timeout_s is None else timeout_s
        with self.translated(what, wait):
            connection = self._device.open_transport(timeout=wait)
            try:
                connection.send_command(service)
                connection.check_okay()
                yield connection.conn
            finally:
                connection.close()

    @contextmanager
    def translated(self, what: str, wait_s: float) -> Iterator[None]:
        """Errors of adbutils and of sockets as ours."""
        try:
            yield
        except (adbutils.AdbTimeout, TimeoutError) as error:
            remedy = _REMEDIES[TargetTimeoutError]
            raise TargetTimeoutError(
                f"{self._name} did not finish {_short(what)} within {wait_s:g} s; {remedy}"
            ) from error
        except FileNotFoundError as error:
            raise MissingDependencyError(NO_ADB) from error
        except adbutils.AdbError as error:
            raise self._meaning(str(error), what) from error
        except OSError as error:
            raise self._broken(what) from error

    def _meaning(self, text: str, what: str) -> Exception:
        lowered = text.lower()
        if "no adb exe" in lowered:
            return MissingDependencyError(NO_ADB)
        if not text or "unknown data" in lowered:  # what adbutils makes of an end of file
            return self._broken(what)
        kind = next((kind for words, kind in _REFUSALS if words in lowered), TargetError)
        remedy = f"; {_REMEDIES[kind]}" if kind in _REMEDIES else ""
        return kind(f"{self._name}, {_short(what)}: {text.strip()}{remedy}")

    def _broken(self, what: str) -> DisconnectedError:
        remedy = _REMEDIES[DisconnectedError]
        return DisconnectedError(f"{self._name} went away during {_short(what)}; {remedy}")

    def _exactly(self, connection: socket.socket, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            part = connection.recv(size - len(parts))
            if not part:
                raise ConnectionResetError
            parts += part
        return bytes(parts)

    def _block(self, connection: socket.socket) -> bytes:
        (size,) = struct.unpack("<I", self._exactly(connection, 4))
        return self._exactly(connection, size)

    def _status(self, connection: socket.socket, path: str) -> None:
        word = self._exactly(connection, 4)
        if word != b"OKAY":
            raise self._refused(word, connection, path)
        self._exactly(connection, 4)  # the length of nothing

    def _refused(self, word: bytes, connection: socket.socket, path: str) -> Exception:
        if word != b"FAIL":
            return TargetError(f"{self._name} answered {word!r}; expected the sync protocol")
        return self._meaning(self._block(connection).decode(errors="replace"), path)


def _packet(word: bytes, data: bytes) -> bytes:
    return word + struct.pack("<I", len(data)) + data


def _short(what: str) -> str:
    return what if len(what) <= 60 else f"{what[:57]}..."


def command_line(folder: str, argv: Sequence[str], env: Mapping[str, str]) -> str:
    """A command for the device's shell that runs a pushed program with everything unaltered."""
    for name in env:
        if not name.isidentifier():
            raise UsageError(f"{name!r} is no name of an environment variable")
    words = [f"{name}={shlex.quote(value)}" for name, value in env.items()]
    words += [shlex.quote(f"./{argv[0]}"), *map(shlex.quote, argv[1:])]
    return f"cd {shlex.quote(folder)} && {' '.join(words)}"
