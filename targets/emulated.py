"""Programs for other CPUs, in an emulator of user space: ``emulated:arm64``,
``emulated:arm64/cortex-a76``.
"""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from functools import cached_property

from pico_deploy.errors import MissingDependencyError, UsageError
from targets.architectures import ARCHITECTURES, Architecture, architecture
from targets.local import LocalTransport
from targets.transport import DeviceInfo, Transport


class EmulatedTransport(LocalTransport):
    """This machine's kernel, another machine's instructions. ``cpu`` is one of ``qemu -cpu help``;
    None leaves it to qemu.
    """

    def __init__(self, arch: Architecture, cpu: str | None = None) -> None:
        self._arch, self._cpu = arch, cpu
        self._qemu = qemu_program(arch)
        wrapper = [self._qemu, *(("-cpu", cpu) if cpu else ())]
        if cpu is not None:
            self._check_cpu()
        super().__init__(f"emulated:{arch.name}" + (f"/{cpu}" if cpu else ""), wrapper)

    @cached_property
    def _version(self) -> str:
        text = subprocess.run([self._qemu, "--version"], capture_output=True, text=True).stdout
        return text.splitlines()[0].split(" (")[0]

    def _check_cpu(self) -> None:
        text = subprocess.run([self._qemu, "-cpu", "help"], capture_output=True, text=True).stdout
        known = {word for line in text.splitlines() for word in line.split()[:2]}
        if (self._cpu or "").partition(",")[0] not in known:
            raise UsageError(
                f"{self._qemu} emulates no CPU called {self._cpu!r}; `{self._qemu} -cpu help` "
                "lists them"
            )

    def info(self) -> DeviceInfo:
        """The emulated CPU on this machine's kernel."""
        return dataclasses.replace(
            super().info(),
            platform="emulated",
            model=f"{self._version} on {super().info().model}",
            architecture=self._arch.machine,
            cpu=self._cpu or "qemu's default CPU",
            properties={"emulator": self._version},
        )


def qemu_program(arch: Architecture) -> str:
    """The emulator of an architecture; raises ``MissingDependencyError``."""
    for name in (f"qemu-{arch.qemu}-static", f"qemu-{arch.qemu}"):
        if shutil.which(name):
            return name
    raise MissingDependencyError(
        f"no emulator for {arch.name}: qemu-{arch.qemu}-static is not on the PATH; "
        "run `apt-get install qemu-user-static`"
    )


def open_emulated(argument: str) -> Transport:
    """The transport of ``emulated:ARCH`` or ``emulated:ARCH/CPU``."""
    if not argument:
        raise UsageError(
            f"target emulated needs an architecture: emulated:{{{','.join(ARCHITECTURES)}}}"
        )
    name, _, cpu = argument.partition("/")
    return EmulatedTransport(architecture(name), cpu or None)


def connected() -> list[str]:
    """Architectures whose emulator is installed."""
    found = []
    for arch in ARCHITECTURES.values():
        try:
            qemu_program(arch)
        except MissingDependencyError:
            continue
        found.append(f"emulated:{arch.name}")
    return found
