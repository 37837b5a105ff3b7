"""The Android app as far as it can be checked without Android: compiled, but never run."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import tomllib
import zipfile
from pathlib import Path

import android_project as project
import pytest
from android_build import (
    BUILT,
    HARNESS,
    HERE,
    KIT,
    REPOSITORY,
    class_path,
    java,
    jni_library,
    jni_library_with,
    kotlin,
    kotlin_errors,
    kotlin_jars,
    vectors_jar,
)

APP = HARNESS / "app/src"
STUBS = [HERE / "stubs/java", HERE / "stubs/kotlin"]
COMMON = [APP / "main/kotlin", APP / "androidTest/kotlin"]
DOCS = REPOSITORY / "docs/android.md"
PAGE = 16 << 10


@pytest.mark.slow
@pytest.mark.parametrize("flavour", ["litert", "legacy"])
def test_the_app_compiles_against_stubs_of_android_and_the_runtimes(flavour: str) -> None:
    kotlin(f"app-{flavour}", [*COMMON, APP / flavour / "kotlin", *STUBS], [vectors_jar()])


def test_control_a_call_that_the_runtime_does_not_have_is_seen(tmp_path: Path) -> None:
    code = (APP / "main/kotlin/org/picodeploy/app/OnnxPart.kt").read_text()
    assert "options.addNnapi(EnumSet" in code
    changed = tmp_path / "OnnxPart.kt"
    changed.write_text(code.replace("options.addNnapi(EnumSet", "options.addNnpai(EnumSet"))
    said = kotlin_errors([changed, *STUBS], [vectors_jar()], BUILT / "never.jar")
    assert "unresolved reference 'addNnpai'" in said


@pytest.mark.parametrize("path", project.scripts(), ids=lambda p: str(p.relative_to(HARNESS)))
def test_every_gradle_script_is_kotlin_that_uses_names_of_the_version_table(path: Path) -> None:
    assert project.errors(path.read_bytes()) == []
    assert project.unknown_names(project.catalog(), path.read_text()) == []


def test_control_a_broken_script_and_an_unknown_name_are_seen() -> None:
    script = (HARNESS / "kit/build.gradle.kts").read_text()
    assert project.errors(script.replace("cmake {", "cmake {{(").encode())
    wrong = script.replace("libs.coroutines", "libs.corutines")
    assert project.unknown_names(project.catalog(), wrong) == ["libs.corutines"]


def pins() -> dict[str, str]:
    versions: dict[str, str] = project.catalog()["versions"]
    return versions


def test_pins_are_those_that_are_tested_here() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text())["packages"]
    assert pins()["kotlin"] == lock["node_modules/kotlin-compiler"]["version"]
    jar = kotlin_jars() / "kotlinx-coroutines-core-jvm.jar"
    with zipfile.ZipFile(jar) as opened:
        version = opened.read("META-INF/kotlinx_coroutines_core.version").decode()
    assert version.strip() == pins()["coroutines"]
    python = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert f"ai-edge-litert=={pins()['litert']}" in python["optional-dependencies"]["litert"]
    code = (APP / "litert/kotlin/org/picodeploy/app/LiteRtPart.kt").read_text()
    assert f'VERSION = "{pins()["litert"]}"' in code
    script = (HARNESS / "app/build.gradle.kts").read_text()
    assert f'versionName = "{python["version"]}"' in script


def table_of_pins(text: str) -> dict[str, str]:
    """Rows of the table under the mark ``<!-- pins -->``."""
    rows = re.findall(
        r"^\| `(\w+)` \| ([\w.]+) \|", text.partition("<!-- pins -->")[2], re.MULTILINE
    )
    return dict(rows)


def test_the_docs_name_the_versions_of_the_table() -> None:
    assert table_of_pins(DOCS.read_text()) == pins()


def test_control_a_version_that_was_changed_alone_is_seen() -> None:
    text = DOCS.read_text().replace(f"| `litert` | {pins()['litert']} |", "| `litert` | 9.9.9 |")
    assert table_of_pins(text) != pins()


def test_the_activity_of_the_manifest_is_there_and_is_what_the_docs_start() -> None:
    name = project.activity()["name"]
    assert project.activity()["exported"] == "true"
    package, _, simple = name.rpartition(".")
    source = APP / "main/kotlin" / package.replace(".", "/") / f"{simple}.kt"
    assert f"class {simple}" in source.read_text()
    application = re.search(
        r'applicationId = "(.+)"', (HARNESS / "app/build.gradle.kts").read_text()
    )
    assert application
    assert f"am start -S -W -n {application[1]}/{name}" in DOCS.read_text()


def misaligned(library: Path) -> list[int]:
    """Alignments of a 64-bit ELF's loaded segments that a page of 16 KiB does not divide."""
    data = library.read_bytes()
    assert data[:5] == b"\x7fELF\x02"
    (headers,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    segments = [struct.unpack_from("<IIQQQQQQ", data, headers + i * size) for i in range(count)]
    loaded = [segment[7] for segment in segments if segment[0] == 1]
    assert loaded
    return [alignment for alignment in loaded if alignment % PAGE]


@pytest.mark.slow
def test_the_library_for_android_is_aligned_to_pages_of_16_kib_and_shows_one_symbol() -> None:
    compiler = "/usr/bin/clang-19"
    if not Path(compiler).exists() or not Path("/usr/aarch64-linux-gnu/include").exists():
        pytest.skip("clang-19, lld-19 or libc6-dev-arm64-cross is not installed")
    # There is no NDK here: the target is Android's, declarations of the C library are glibc's.
    target = "--target=aarch64-linux-android26 -isystem /usr/aarch64-linux-gnu/include"
    library = jni_library(
        "android",
        [
            *("-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64"),
            *(f"-DCMAKE_C_COMPILER={compiler}", "-DCMAKE_C_COMPILER_WORKS=1"),
            f"-DCMAKE_C_FLAGS={target}",
            "-DCMAKE_SHARED_LINKER_FLAGS=-nostdlib -fuse-ld=lld-19",
        ],
    )
    assert misaligned(library) == []
    listed = subprocess.check_output(["nm", "-D", str(library)], text=True)
    kinds = [line.split()[-2:] for line in listed.splitlines()]
    assert [name for kind, name in kinds if kind != "U"] == ["JNI_OnLoad"]
    # Bionic has all that is left open; nothing allocates, nothing is of a C++ or math library.
    known = {"snprintf", "memcpy", "memmove", "memset", "getauxval"}
    assert {name for kind, name in kinds if kind == "U"} <= known


def test_control_a_library_linked_for_small_pages_is_seen(tmp_path: Path) -> None:
    same = "        jni_read.c"  # no fault: what differs is that the linker is told nothing
    library = jni_library_with(("CMakeLists.txt", same.strip(), same.strip()), tmp_path)
    assert misaligned(library)
    assert misaligned(jni_library()) == []


def settings(folder: Path, *values: str) -> str:
    command = [java(), f"-Djava.library.path={jni_library().parent}", "-cp"]
    command += [class_path(vectors_jar()), "org.picodeploy.test.SettingsMainKt", str(folder)]
    return subprocess.check_output([*command, *values], text=True)


def test_settings_of_a_driver_become_a_job_and_the_end_is_marked_with_its_token(
    tmp_path: Path,
) -> None:
    said = settings(tmp_path, "level=12", "size=640x480", "units=gpu,cpu", "token=abc")
    assert "units=[gpu, cpu]" in said
    assert "level=12, iterations=20, warmUpIterations=2, width=640, height=480" in said
    assert {path.name for path in tmp_path.iterdir()} == {"seen.json", "ended.txt"}
    assert (tmp_path / "ended.txt").read_text() == "abc\n"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("level=high", "level is high; write a whole number"),
        ("size=12MP", "size is 12MP; write it as 4032x3024"),
        ("bundle=../other", "../other is no name among the app's files"),
        ("exclusively=yes", "exclusively is yes; write true or false"),
        ("iterations=0", "at least one warm-up and one timed iteration are needed"),
        ("levle=3", "no setting is called levle; known: "),
    ],
)
def test_settings_that_make_no_sense_end_in_error_json(
    tmp_path: Path, value: str, message: str
) -> None:
    (tmp_path / "result.json").write_text("of an earlier run")
    settings(tmp_path, value)
    error = json.loads((tmp_path / "error.json").read_text())
    assert error["code"] == "usage"
    assert error["message"].startswith(message)
    assert not (tmp_path / "result.json").exists()
    assert (tmp_path / "ended.txt").exists()


def test_the_library_is_built_of_the_projects_own_core() -> None:
    cmake = (KIT / "cpp/CMakeLists.txt").read_text()
    found = re.search(r"add_subdirectory\(\$\{CMAKE_CURRENT_SOURCE_DIR\}/(\S+) core\)", cmake)
    assert found
    assert (KIT / "cpp" / found[1]).resolve() == REPOSITORY / "core"
