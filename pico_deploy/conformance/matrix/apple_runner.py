"""``python -m … LIBRARY VECTORS [NAME…]``: call the judge in a Mach-O library for arm64, in a CPU
emulator.

The object code is that of Apple's ABI (the calling convention, the relocations), without Apple's
systems: no Apple device and no simulator runs here. Prints the lines that ``pico_conform`` prints.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from pathlib import Path
from typing import Any

import lief
import unicorn
from unicorn import arm64_const as arm64

from pico_deploy import _core
from pico_deploy.conformance.vector import EXPECT_FILE
from pico_deploy.conformance.vector_set import VectorSet
from pico_deploy.errors import InputError

BASE, MEMORY, INPUT = 0x1_0000_0000, 0x2_0000_0000, 0x3_0000_0000
STACK, RETURN = 0x4_0000_0000, 0x5_0000_0000
MEMORY_SIZE, INPUT_SIZE, STACK_SIZE, PAGE = 64 << 20, 8 << 20, 1 << 20, 1 << 16
MOST_FLAGS = 256
VERDICTS = ("exact", "differs", "malformed", "out-of-memory")
STATUS_NAMES = {number: name for name, number in _core.STATUSES.items()}
_RESULT = struct.Struct("<iI32s32s32sQQQQQQ")


class Library:
    """A Mach-O library in an emulated CPU."""

    def __init__(self, path: str) -> None:
        fat = lief.MachO.parse(path)
        binary = fat.at(0) if fat is not None else None
        if binary is None:
            raise InputError(f"{path} is not a Mach-O library")
        self._macho = binary
        self._cpu: Any = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
        # The default CPU is older than the dot product.
        self._cpu.ctl_set_cpu_model(arm64.UC_CPU_ARM64_MAX)
        segments = [s for s in self._macho.segments if s.virtual_size]
        top = max(s.virtual_address + s.virtual_size for s in segments)
        self._cpu.mem_map(BASE, (top + PAGE - 1) // PAGE * PAGE)
        for segment in segments:
            self._cpu.mem_write(BASE + segment.virtual_address, bytes(segment.content))
        for relocation in self._macho.relocations:
            at = BASE + relocation.address
            # Newer linkers chain their pointers and name the target; older ones leave it in place.
            if isinstance(relocation, lief.MachO.RelocationFixup):
                target = relocation.target
            else:
                (target,) = struct.unpack("<Q", self._cpu.mem_read(at, 8))
            self._cpu.mem_write(at, struct.pack("<Q", BASE + target))
        for start, size in (
            *((MEMORY, MEMORY_SIZE), (INPUT, INPUT_SIZE)),
            *((STACK, STACK_SIZE), (RETURN, PAGE)),
        ):
            self._cpu.mem_map(start, size)
        # Vector registers are off in a CPU that has just been switched on.
        self._cpu.reg_write(arm64.UC_ARM64_REG_CPACR_EL1, 3 << 20)

    def write(self, address: int, data: bytes) -> None:
        """Bytes into the emulated memory."""
        self._cpu.mem_write(address, data)

    def read(self, address: int, size: int) -> bytes:
        """Bytes out of it."""
        return bytes(self._cpu.mem_read(address, size))

    def text(self, address: int) -> str:
        """A short zero-terminated string."""
        return self.read(address, 32).split(b"\0")[0].decode("ascii")

    def call(self, function: str, *arguments: int, stack: bytes = b"") -> int:
        """Call as the ABI says: eight registers, the rest on the stack."""
        registers = [arm64.UC_ARM64_REG_X0 + i for i in range(len(arguments))]
        for register, value in zip(registers, arguments, strict=True):
            self._cpu.reg_write(register, value)
        pointer = STACK + STACK_SIZE - 4096
        self._cpu.mem_write(pointer, stack)
        self._cpu.reg_write(arm64.UC_ARM64_REG_SP, pointer)
        self._cpu.reg_write(arm64.UC_ARM64_REG_LR, RETURN)
        symbol = next(s for s in self._macho.symbols if s.name == "_" + function)
        self._cpu.emu_start(BASE + symbol.value, RETURN)
        return int(self._cpu.reg_read(arm64.UC_ARM64_REG_X0))

    def flags(self, kernels: str) -> int | None:
        """CPU flags that select a kernel set; the most if none is named."""
        found = {}
        for flags in range(MOST_FLAGS):
            found[self.text(self.call("pico_kernels_name", flags))] = flags
        return found.get(kernels) if kernels else MOST_FLAGS - 1

    def judge(self, model: bytes, stream: bytes, expect: bytes, flags: int) -> dict[str, object]:
        """One vector, as ``conform_judge`` sees it."""
        at, spans = INPUT, []
        for data in (model, stream, expect):
            self.write(at, data)
            spans += [at, len(data)]
            at += len(data) + 64
        result = (at + 15) // 16 * 16
        stack = struct.pack("<QQ", MEMORY_SIZE, result)
        verdict = self.call("conform_judge", *spans, flags, MEMORY, stack=stack) & 0xFFFFFFFF
        line: dict[str, object] = {"verdict": VERDICTS[verdict]}
        if verdict > 1:
            return line
        values = _RESULT.unpack(self.read(result, _RESULT.size))
        status, tiles, z, indices, y, expected, expected_size, found, found_size = values[:9]
        line |= {"status": STATUS_NAMES[status], "tiles": tiles}
        line |= {"z": z.hex(), "indices": indices.hex(), "y": y.hex()}
        if verdict == 1:
            line["expected"] = self.read(expected, expected_size).decode("ascii", "replace")
            line["found"] = self.read(found, found_size).decode("ascii", "replace")
        return line


def main() -> int:
    """Returns the exit code that ``pico_conform`` would."""
    library, folder = Library(sys.argv[1]), Path(sys.argv[2])
    vectors = VectorSet.open(folder)
    flags = library.flags(os.environ.get("PICO_CPU", ""))
    if flags is None:
        print("no such kernel set", file=sys.stderr)
        return 2
    kernels = library.text(library.call("pico_kernels_name", flags))
    print(json.dumps({"set": vectors.version, "kernels": kernels}))
    differing = 0
    for name in sys.argv[3:] or vectors.names:
        vector = vectors.vector(name)
        expect = (folder / name / EXPECT_FILE).read_bytes()
        line = library.judge(vectors.model(vector), vectors.stream(vector), expect, flags)
        differing += line["verdict"] != "exact"
        print(json.dumps({"vector": name} | line), flush=True)
    return 11 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
