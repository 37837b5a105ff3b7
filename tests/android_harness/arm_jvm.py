"""A JVM for AArch64, run by qemu: made once of Debian's packages, without root, in a cache.

``python tests/android_harness/arm_jvm.py`` makes it (about 270 MB) and judges every conformance
vector through JNI on it.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from android_build import VECTORS, jni_library, run

from pico_deploy.conformance.arm_files import cached, unpack
from pico_deploy.errors import MissingDependencyError

PACKAGE = "openjdk-17-jre-headless"
QEMU = "qemu-aarch64-static"
COMPILER = "aarch64-linux-gnu-gcc"
_JAVA = "usr/lib/jvm/java-17-openjdk-arm64/bin/java"


def folder() -> Path:
    """Where the system lies, once it is made."""
    return cached("arm64-jvm", PACKAGE)


def command() -> list[str]:
    """How to run its ``java``; C1 alone, because qemu translates whatever the JVM compiles."""
    root = folder()
    flags = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    return [QEMU, "-cpu", "cortex-a76", "-L", str(root), str(root / _JAVA), *flags]


def make() -> None:
    """Make the system unless it is there; raises ``MissingDependencyError``, ``ArmFilesError``."""
    for tool in ("apt-get", "dpkg-deb", QEMU, COMPILER):
        if shutil.which(tool) is None:
            raise MissingDependencyError(f"{tool} is not installed; this needs Debian with qemu")
    root = folder()
    if root.is_dir():
        return
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root.parent) as temporary:
        unpack(Path(temporary), Path(temporary) / "root", [PACKAGE])
        (Path(temporary) / "root").rename(root)


def library() -> Path:
    """The JNI library for AArch64."""
    system = ["-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64"]
    return jni_library("arm64", [*system, f"-DCMAKE_C_COMPILER={COMPILER}"])


def judge(which: str = ".*") -> list[str]:
    """Lines of ``VectorMain`` on the AArch64 JVM."""
    arguments = (str(VECTORS), "-1", which)
    return run("VectorMain", *arguments, library=library(), jvm=command()).splitlines()


if __name__ == "__main__":
    make()
    kernels, suite, *verdicts = judge()
    exact = sum(line.endswith(" exact") for line in verdicts)
    sys.stdout.write("\n".join(line for line in verdicts if not line.endswith(" exact")))
    sys.stdout.write(f"{kernels}, {suite}: {exact} of {len(verdicts)} vectors exact\n")
    sys.exit(0 if exact == len(verdicts) else 11)
