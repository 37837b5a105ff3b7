"""libpico_conform.so for Android: the core, ``pico_conform`` and its JNI entry, from zig alone.

zig has no headers of Android's C library, so musl's are used: the calls in ``native/bionic.txt``
have the same types there on 64-bit systems. Nothing of musl is linked. What is linked is a stand-in
of libc.so that is made of that list, so a call that Android does not have is an error here.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pico_deploy.errors import MissingDependencyError
from targets.programs import BuildError

HERE = Path(__file__).resolve().parent
CORE = HERE.parents[1] / "core"
NAME = "libpico_conform.so"
MIN_SDK = 26
PAGE = 16384
"""Android's larger page: segments of a library start at multiples of it."""
_FLAGS = ("-std=gnu11", "-O3", "-fPIC", "-fvisibility=hidden", "-ffunction-sections")
_LINK = ("-shared", "--no-undefined", "--gc-sections", "--build-id=none", "--strip-all")


@dataclass(frozen=True)
class Abi:
    """Android's name of an instruction set, zig's, and the folders of its headers in zig."""

    name: str
    target: str
    headers: tuple[str, ...]


def _abi(name: str, cpu: str, kernel: str) -> Abi:
    folders = (f"{cpu}-linux-musl", "generic-musl", f"{kernel}-linux-any", "any-linux-any")
    return Abi(name, f"{cpu}-linux-android.{MIN_SDK}", folders)


ABIS = (_abi("arm64-v8a", "aarch64", "aarch64"), _abi("x86_64", "x86_64", "x86"))


def build(abi: Abi, folder: Path) -> Path:
    """Compile and link into ``folder``. Raises ``MissingDependencyError``, ``BuildError``."""
    library = folder / NAME
    with tempfile.TemporaryDirectory() as scratch:
        objects = [_compile(source, abi, Path(scratch)) for source in sources()]
        stand_in = _stand_in(abi, Path(scratch))
        page = ("-z", f"max-page-size={PAGE}", "-z", "relro", "-z", "now")
        archives = (_cpu_model(),) if abi.name == "x86_64" else ()
        run(
            *(_zig(), "ld.lld", *_LINK, *page, "-soname", NAME, "-o", str(library)),
            *(str(path) for path in (*objects, stand_in, *archives)),
        )
    return library


def sources() -> list[Path]:
    """Everything that is compiled; the JNI entry includes ``pico_conform.c``."""
    core = sorted((CORE / "src").rglob("*.c"))
    return [HERE / "native" / "conform_jni.c", CORE / "tools" / "conform.c", *core]


def allowed_symbols() -> list[str]:
    """The names in ``native/bionic.txt``."""
    lines = (HERE / "native" / "bionic.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _compile(source: Path, abi: Abi, scratch: Path) -> Path:
    made = scratch / f"{source.parent.name}-{source.stem}.o"
    includes = [CORE / "include", *jni_headers()]
    run(
        *(_zig(), "cc", "-target", abi.target, *_FLAGS, "-nostdlibinc"),
        *(f"-I{path}" for path in includes),
        *(f"-isystem{_zig_folder() / 'lib/libc/include' / name}" for name in abi.headers),
        *("-c", str(source), "-o", str(made)),
    )
    return made


def _stand_in(abi: Abi, scratch: Path) -> Path:
    """A libc.so with the names that are allowed and nothing behind them."""
    source = scratch / "bionic.c"
    source.write_text("".join(f"void {name}(void) {{}}\n" for name in allowed_symbols()))
    compiled, library = scratch / "bionic.o", scratch / "libc.so"
    run(
        *(_zig(), "cc", "-target", abi.target, "-fno-builtin", "-nostdlibinc"),
        *("-c", str(source), "-o", str(compiled)),
    )
    run(*(_zig(), "ld.lld", "-shared", "-soname", "libc.so"), *(str(compiled), "-o", str(library)))
    return library


def _cpu_model() -> Path:
    """The archive in which gcc keeps what ``__builtin_cpu_supports`` reads; zig has none."""
    gcc = shutil.which("x86_64-linux-gnu-gcc") or shutil.which("gcc")
    if gcc is None:
        raise MissingDependencyError("the x86_64 library needs gcc: apt-get install gcc")
    said = subprocess.run([gcc, "-print-libgcc-file-name"], capture_output=True, text=True)
    return Path(said.stdout.strip())


def jni_headers() -> list[Path]:
    """Folders of jni.h, from the JDK that the Java on the PATH belongs to, or from JAVA_HOME."""
    java = shutil.which("javac")
    homes = [os.environ.get("JAVA_HOME"), java and str(Path(java).resolve().parents[1])]
    for home in filter(None, homes):
        include = Path(home) / "include"
        if (include / "jni.h").is_file():
            return [include, include / "linux"]
    raise MissingDependencyError("no jni.h: apt-get install openjdk-17-jdk-headless")


def _zig_folder() -> Path:
    found = importlib.util.find_spec("ziglang")
    if found is None or found.origin is None:
        raise MissingDependencyError("zig is not installed; run `pip install ziglang`")
    return Path(found.origin).parent


def _zig() -> str:
    return str(_zig_folder() / "zig")


def run(*command: str) -> None:
    """Run a tool; raises ``BuildError`` with its first words when it fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        said = (done.stderr + done.stdout).strip().splitlines() or ["nothing"]
        raise BuildError(
            f"{Path(command[0]).name} exits with {done.returncode} and says: {said[0]}"
        )
