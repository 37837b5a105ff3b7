"""The JNI library on a JVM of this machine, against the published vectors and against misuse."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from android_build import (
    KIT,
    VECTORS,
    class_path,
    java,
    jni_library,
    jni_library_with,
    run,
    vectors_jar,
)

from pico_deploy.conformance.vector_set import VectorSet

MODEL, FILE = VECTORS / "models/conformance-conv.bin", VECTORS / "size-1x1/stream.pico"
SCALAR, DETECTED = "0", "-1"


def differing(lines: list[str]) -> list[str]:
    return [line for line in lines if not line.endswith(" exact")]


@pytest.mark.parametrize("flags", [DETECTED, SCALAR], ids=["detected", "scalar"])
def test_every_vector_is_exact_through_jni(flags: str) -> None:
    head, suite, *lines = run("VectorMain", str(VECTORS), flags, library=jni_library()).splitlines()
    vectors = VectorSet.open(VECTORS)
    assert suite == f"set {vectors.index_sha256}"
    assert [line.split()[0] for line in lines] == list(vectors.names)
    assert differing(lines) == []
    assert (head == "kernels scalar") == (flags == SCALAR) or flags == DETECTED


def test_control_rows_and_columns_swapped_are_seen(tmp_path: Path) -> None:
    right, wrong = "n * n * size, n * size, size}", "n * n * size, size, n * size}"
    library = jni_library_with(("jni_support.c", right, wrong), tmp_path)
    output = run("VectorMain", str(VECTORS), DETECTED, "size-.*|bad-magic", library=library)
    assert differing(output.splitlines()[2:])


def test_a_vector_folder_with_an_altered_file_is_refused(tmp_path: Path) -> None:
    shutil.copytree(VECTORS, tmp_path / "vectors")
    with (tmp_path / "vectors/size-1x1/stream.pico").open("ab") as file:
        file.write(b"x")
    with pytest.raises(AssertionError, match=r"size-1x1/stream\.pico was altered"):
        run("VectorMain", str(tmp_path / "vectors"), SCALAR, "nothing", library=jni_library())


EXPECTED = """\
empty model: 17 model-format
half a model: 17 model-format
empty file: 5 not-pico
half a file: 4 truncated
image without pixels: 3 over-limit
negative width: 1 argument
no tile of the image: 1 argument
negative tile: 1 argument
tile outside the grid: 1 argument
no such stream: 1 argument
no such chunk: 1 argument
too few tiles: 1 argument
too many tiles: 1 argument
z too short: 1 argument
y too long: 1 argument
y of another type: 1 argument
scratch too small: 1 argument
scratch on the heap: 1 argument
no scratch: 1 argument
index of another length: 1 argument
no such level: 1 argument
levels of another image: 1 argument
a fraction: 14 symbol-not-integer
a symbol out of range: 15 symbol-out-of-range
a fingerprint of another length: 1 argument
a critical chunk: 8 unsupported-chunk
a chunk type of three letters: 1 argument
crc32c: e3069283
sha256: ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
afterwards: accepted
"""


def test_misuse_is_thrown_with_the_cores_code_and_nothing_leaks() -> None:
    # A hundred rounds in a small heap, every call checked by the JVM, which writes what it finds:
    # arrays that stay pinned would be reported, and memory that stays taken would run out.
    output = run(
        *("MisuseMain", str(MODEL), str(FILE), "100"),
        library=jni_library(),
        options="-Xcheck:jni -Xmx64m -XX:MaxDirectMemorySize=64m",
    )
    assert output == EXPECTED


def misused(library: Path) -> str:
    command = [java(), "-Xcheck:jni", f"-Djava.library.path={library.parent}", "-cp"]
    command += [class_path(vectors_jar()), "org.picodeploy.test.MisuseMainKt"]
    command += [str(MODEL), str(FILE), "0"]
    return subprocess.run(command, capture_output=True, text=True, timeout=300).stdout


def test_control_a_length_that_is_not_checked_is_seen(tmp_path: Path) -> None:
    fault = ("jni_support.c", "    if (length == expected) return 1;", "    return 1;")
    assert misused(jni_library_with(fault, tmp_path)) != EXPECTED


def test_control_an_array_that_stays_pinned_is_seen(tmp_path: Path) -> None:
    release = (
        "(*env)->ReleasePrimitiveArrayCritical(env, p->arrays[p->count], p->data[p->count], mode);"
    )
    fault = ("jni_pinned.c", release, "(void)mode;")
    assert "PrimitiveArrayCritical" in misused(jni_library_with(fault, tmp_path))


def test_every_native_method_of_kotlin_is_tied_to_a_function() -> None:
    kotlin = (KIT / "kotlin/org/picodeploy/kit/Native.kt").read_text()
    declared = set(re.findall(r"external fun (\w+)", kotlin))
    tied = {
        name
        for source in (KIT / "cpp").glob("*.c")
        for name in re.findall(r'\{"(\w+)", "\(', source.read_text())
    }
    assert declared == tied
