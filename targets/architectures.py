"""Architectures that programs are built for and emulated on, under the names that Debian uses."""

from __future__ import annotations

from dataclasses import dataclass

from pico_deploy.errors import UsageError


@dataclass(frozen=True)
class Architecture:
    """How the tools call one: ``machine`` is what ``uname -m`` says there, ``elf_machine`` the
    number in an ELF header, ``zig`` and ``gcc`` the target and the cross compiler's prefix.
    """

    name: str
    machine: str
    elf_machine: int
    qemu: str
    zig: str
    gcc: str


_ALL = (
    Architecture("arm64", "aarch64", 183, "aarch64", "aarch64-linux-musl", "aarch64-linux-gnu"),
    Architecture("x86-64", "x86_64", 62, "x86_64", "x86_64-linux-musl", "x86_64-linux-gnu"),
    Architecture("armhf", "armv7l", 40, "arm", "arm-linux-musleabihf", "arm-linux-gnueabihf"),
    Architecture("i386", "i686", 3, "i386", "x86-linux-musl", "i686-linux-gnu"),
    Architecture("riscv64", "riscv64", 243, "riscv64", "riscv64-linux-musl", "riscv64-linux-gnu"),
    Architecture("s390x", "s390x", 22, "s390x", "s390x-linux-musl", "s390x-linux-gnu"),
)
ARCHITECTURES = {architecture.name: architecture for architecture in _ALL}


def architecture(name: str) -> Architecture:
    """One by its name; raises ``UsageError``."""
    if name not in ARCHITECTURES:
        raise UsageError(f"no architecture is called {name!r}; choose {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name]


def of_machine(machine: str) -> Architecture | None:
    """The architecture that ``uname -m`` or an Android ABI names; None for an unknown one."""
    aliases = {"arm64-v8a": "aarch64", "arm64": "aarch64", "arm64e": "aarch64", "amd64": "x86_64"}
    wanted = aliases.get(machine, machine)
    return next((a for a in _ALL if a.machine == wanted), None)
