"""Programs on this machine, or under an emulator on it: the transport that needs no device."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from pico_deploy.errors import UsageError
from pico_deploy.measure import identity
from targets.errors import DeviceFullError, NotOnTargetError, TargetTimeoutError, UnsupportedError
from targets.transfers import Closing, arriving, require_file
from targets.transport import (
    DEFAULT_TIMEOUT_S,
    NOT_FOUND,
    Completed,
    DeviceInfo,
    Transport,
    checked_name,
)


class LocalTransport(Closing):
    """A temporary folder and processes of this machine. ``wrapper`` goes before every program."""

    def __init__(self, address: str = "local", wrapper: Sequence[str] = ()) -> None:
        self._address = address
        self._wrapper = tuple(wrapper)
        self._folder = Path(tempfile.mkdtemp(prefix="pico-target-"))
        self._log: list[str] = []

    @property
    def address(self) -> str:
        """``local``, or how the emulator was named."""
        return self._address

    def info(self) -> DeviceInfo:
        """This machine."""
        here = identity.host()
        return DeviceInfo(
            platform="host",
            runs="programs",
            model=here.model,
            architecture=here.architecture,
            os=here.os,
            os_version=here.os_version,
            cpu=here.cpu,
            cpu_count=here.cpu_count,
            memory_bytes=here.memory_bytes,
            conditions=identity.conditions(),
        )

    def push(self, source: Path, name: str) -> None:
        """Copy into the folder."""
        target = self._folder / checked_name(name)
        require_file(source)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            target.chmod(0o755)
        except OSError as error:
            target.unlink(missing_ok=True)
            raise DeviceFullError(f"{self._address}: cannot push {name}: {error}") from error

    def pull(self, name: str, destination: Path) -> None:
        """Copy out of the folder."""
        source = self._folder / checked_name(name)
        if not source.is_file():
            raise NotOnTargetError(f"{self._address} has no file {name}; was it written there?")
        with arriving(destination) as part:
            shutil.copyfile(source, part)

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> Completed:
        """Run a pushed program in the folder; a timeout kills it and its children."""
        program = self._folder / checked_name(argv[0])
        if not program.is_file():
            return Completed(NOT_FOUND, b"", f"{argv[0]}: not found\n".encode())
        with subprocess.Popen(
            [*self._wrapper, str(program), *argv[1:]],
            cwd=self._folder,
            env=os.environ | dict(env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                stdout, stderr = process.communicate(timeout=timeout_s)
            except subprocess.TimeoutExpired as error:
                raise TargetTimeoutError(
                    f"{self._address}: {argv[0]} ran longer than {timeout_s:g} s and was stopped"
                ) from error
            finally:
                if process.poll() is None:  # also when the wait was interrupted
                    os.killpg(process.pid, signal.SIGKILL)
        self._log.append(stderr.decode(errors="replace"))
        return Completed(process.returncode, stdout, stderr)

    def install(self, package: Path) -> None:
        """There are no apps here."""
        raise UnsupportedError(f"{self._address} installs no apps; push programs and run them")

    def logs(self) -> str:
        """What programs wrote to stderr."""
        return "".join(self._log)

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)


def open_local(argument: str) -> Transport:
    """The transport of ``local``."""
    if argument:
        raise UsageError(f"target local takes no argument; found local:{argument}")
    return LocalTransport()
