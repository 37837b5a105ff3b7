"""The Android harness without Android: its Kotlin by the compiler from npm, the JNI library by this
machine's C compilers, both to be run on a JVM here.

What is built is kept under ``build/android_harness`` until a source or the compiler changes; the
compiler lies in the user's cache.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from pico_deploy.conformance.arm_files import cached

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
HARNESS = REPOSITORY / "android_harness"
KIT = HARNESS / "kit/src/main"
BUILT = REPOSITORY / "build/android_harness"
VECTORS = REPOSITORY / "conformance/vectors"
JSON_JAR = Path("/usr/share/java/json-android.jar")
"""Android's own ``org.json``, as Debian packages it."""

_COMPILER = "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler"
_COMPILER_JARS = (
    *("kotlin-compiler", "kotlin-stdlib", "kotlin-script-runtime", "kotlin-reflect"),
    *("kotlinx-coroutines-core-jvm", "annotations-13.0"),
)
_RUNTIME_JARS = ("kotlin-stdlib", "kotlinx-coroutines-core-jvm")


def java() -> str:
    """The JVM of this machine."""
    if shutil.which("java") is None or shutil.which("javac") is None:
        pytest.skip("there is no JDK: apt-get install openjdk-17-jdk-headless")
    return "java"


def jni_headers() -> list[Path]:
    """Folders of the JDK's ``jni.h`` and ``jni_md.h``."""
    java()
    home = Path(shutil.which("javac") or "").resolve().parents[1]
    return [home / "include", home / "include/linux"]


def kotlin_jars() -> Path:
    """The compiler's jars, from npm; the version stands in ``package-lock.json``."""
    java()
    lock = (HERE / "package-lock.json").read_bytes()
    folder = cached("kotlin", hashlib.sha256(lock).hexdigest())
    if not folder.is_dir():
        if shutil.which("npm") is None:
            pytest.skip("npm, which brings the Kotlin compiler, is not installed")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, temporary)
            command = ["npm", "ci", "--silent", "--ignore-scripts"]
            done = subprocess.run(command, cwd=temporary, capture_output=True, text=True)
            if done.returncode != 0:
                pytest.skip(f"npm ci could not bring the Kotlin compiler: {done.stderr.strip()}")
            Path(temporary, "node_modules/kotlin-compiler/lib").rename(folder)
    return folder


def class_path(*jars: Path) -> str:
    """What compiled Kotlin needs to run: the standard library, coroutines, ``org.json``."""
    if not JSON_JAR.is_file():
        pytest.skip(f"{JSON_JAR} is missing: apt-get install libandroid-json-org-java")
    runtime = [kotlin_jars() / f"{name}.jar" for name in _RUNTIME_JARS]
    return ":".join(map(str, [*jars, *runtime, JSON_JAR]))


def digest(paths: Sequence[Path], extra: str) -> str:
    """Names and contents of files and of all files in folders."""
    state = hashlib.sha256(extra.encode())
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                state.update(f"{file.name} ".encode() + hashlib.sha256(file.read_bytes()).digest())
    return state.hexdigest()[:12]


def kotlin(name: str, sources: Sequence[Path], libraries: Sequence[Path] = ()) -> Path:
    """Compile Kotlin, warnings as errors, to a jar; raises what the compiler said."""
    jars = kotlin_jars()
    jar = BUILT / f"{name}-{digest([*sources, *libraries], jars.name)}.jar"
    if not jar.is_file():
        error = kotlin_errors(sources, libraries, jar)
        assert error == "", error
    return jar


def kotlin_errors(sources: Sequence[Path], libraries: Sequence[Path], jar: Path) -> str:
    """What the compiler says against ``sources``; empty when it made the jar."""
    jars = kotlin_jars()
    compiler = ":".join(str(jars / f"{part}.jar") for part in _COMPILER_JARS)
    jar.parent.mkdir(parents=True, exist_ok=True)
    command = [java(), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", compiler, _COMPILER]
    command += ["-no-stdlib", "-no-reflect", "-Werror", "-jvm-target", "17"]
    command += ["-cp", class_path(*libraries), "-d", str(jar), *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def jni_library(name: str = "host", settings: Sequence[str] = ()) -> Path:
    """Build the JNI library by its own CMake file; ``settings`` choose another compiler."""
    source = KIT / "cpp"
    cmake = shutil.which("cmake", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if cmake is None:
        pytest.skip("cmake is not installed")
    sources = [source, REPOSITORY / "core/src", REPOSITORY / "core/include"]
    folder = BUILT / f"jni-{name}-{digest(sources, ' '.join(settings))}"
    library = folder / "libpicodeploy.so"
    if not library.is_file():
        headers = ";".join(map(str, jni_headers()))
        configure = [cmake, "-S", str(source), "-B", str(folder), f"-DPICO_JNI_INCLUDE={headers}"]
        for command in (
            [*configure, "-DCMAKE_BUILD_TYPE=Release", *settings],
            [cmake, "--build", str(folder), "--parallel", "2"],
        ):
            done = subprocess.run(command, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
    return library


def jni_library_with(fault: tuple[str, str, str], folder: Path) -> Path:
    """The JNI library with a fault planted: in a file, one text instead of another."""
    name, right, wrong = fault
    shutil.copytree(KIT / "cpp", folder / "cpp")
    code = (folder / "cpp" / name).read_text()
    assert code.count(right) == 1, f"{name} has not one {right!r}"
    (folder / "cpp" / name).write_text(code.replace(right, wrong))
    library = folder / "libpicodeploy.so"
    includes = [f"-I{path}" for path in (*jni_headers(), REPOSITORY / "core/include")]
    command = ["cc", "-std=gnu11", "-O1", "-shared", "-fPIC", "-fvisibility=hidden", *includes]
    command += map(str, sorted((folder / "cpp").glob("*.c")))
    command += [str(jni_library().parent / "core/libpico.a"), "-o", str(library)]
    subprocess.run(command, check=True)
    return library


def vectors_jar() -> Path:
    """The kit and the programs that tests run on a JVM."""
    return kotlin("kit", [KIT / "kotlin", HERE / "jvm"])


def run(
    main: str, *arguments: str, library: Path, jvm: Sequence[str] = ("java",), options: str = ""
) -> str:
    """Run a Kotlin file's ``main`` of the tests; what it wrote."""
    command = [*jvm, *options.split(), f"-Djava.library.path={library.parent}", "-cp"]
    command += [class_path(vectors_jar()), f"org.picodeploy.test.{main}Kt", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
