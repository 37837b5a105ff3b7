"""The native library of the APK loads on Android as far as its file tells, and judges all vectors
when this machine calls it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from apk_library import ABIS, NAME, PAGE, allowed_symbols, build, jni_headers

from targets.programs import BuildError

HERE = Path(__file__).parent
ENTRY = "Java_org_picodeploy_conform_Conform_run"
NAMES = [abi.name for abi in ABIS]


def parsed(content: Path, abi: str) -> Any:
    lief = pytest.importorskip("lief", reason="pip install pico-deploy[matrix]")
    return lief.ELF.parse(str(content / "lib" / abi / NAME))


@pytest.mark.parametrize("abi", NAMES)
def test_library_needs_nothing_but_androids_c_library(content: Path, abi: str) -> None:
    elf = parsed(content, abi)
    assert [str(name) for name in elf.libraries] == ["libc.so"]
    imported = {symbol.name for symbol in elf.imported_symbols if symbol.name}
    assert {"fopen", "opendir"} <= imported <= set(allowed_symbols())
    assert [symbol.name for symbol in elf.exported_symbols] == [ENTRY]
    machine = {"arm64-v8a": "AARCH64", "x86_64": "X86_64"}[abi]
    assert elf.header.machine_type.name == machine


@pytest.mark.parametrize("abi", NAMES)
def test_segments_start_at_pages_of_16_kib(content: Path, abi: str) -> None:
    elf = parsed(content, abi)  # its segments live no longer than it does
    loaded = [segment for segment in elf.segments if segment.type.name == "LOAD"]
    assert loaded
    for segment in loaded:
        assert segment.alignment == PAGE
        assert segment.virtual_address % PAGE == segment.file_offset % PAGE


def test_call_that_android_does_not_have_fails_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "calls.c"
    source.write_text(
        "int statx(void);\n"
        '__attribute__((visibility("default"))) int entry(void) { return statx(); }\n'
    )
    monkeypatch.setattr("apk_library.sources", lambda: [source])
    with pytest.raises(BuildError, match="statx"):
        build(ABIS[0], tmp_path)
    monkeypatch.setattr("apk_library.allowed_symbols", lambda: ["statx"])
    assert build(ABIS[0], tmp_path).is_file()


def uses_platform_register(code: str) -> bool:
    """Does AArch64 assembly name x18, which Android keeps for itself?"""
    words = code.replace(",", " ").replace("[", " ").replace("]", " ").split()
    return bool({"x18", "w18"} & set(words))


def test_arm64_code_leaves_androids_register_alone(content: Path) -> None:
    objdump = shutil.which("llvm-objdump-19")
    if objdump is None:
        pytest.skip("llvm-objdump-19 is not installed: apt-get install llvm-19")
    library = content / "lib" / "arm64-v8a" / NAME
    done = subprocess.run(
        [objdump, "-d", "--no-show-raw-insn", str(library)], capture_output=True, text=True
    )
    assert "smull" in done.stdout or "madd" in done.stdout
    assert not uses_platform_register(done.stdout)
    assert uses_platform_register("10: ldr x18, [x0]")


def stand_in_libc(compiler: str, folder: Path) -> None:
    """A libc.so, as Android calls it, that is this machine's C library."""
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    empty = folder / "empty.c"
    empty.write_text("")
    link = ["-shared", "-Wl,-soname,libc.so", "-Wl,--no-as-needed"]
    made = ["-o", str(folder / "libc.so"), str(empty), "-lc"]
    subprocess.run([compiler, *link, *made], check=True)


def judged(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    first, *lines = [json.loads(line) for line in path.read_text().splitlines()]
    return first, lines


def on_jvm(content: Path, folder: Path, *arguments: str | Path) -> str:
    java = shutil.which("java")
    if java is None:
        pytest.skip("java is not installed: apt-get install openjdk-17-jdk-headless")
    stand_in_libc("gcc", folder)
    library = content / "lib" / "x86_64" / NAME
    done = subprocess.run(
        [java, "-Xshare:auto", str(HERE / "Conform.java"), str(library), *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"LD_LIBRARY_PATH": str(folder)},
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("kernels", ["", "scalar"])
def test_every_vector_is_exact_through_jni_on_a_jvm(
    content: Path, tmp_path: Path, kernels: str
) -> None:
    results = tmp_path / "conform.jsonl"
    assert on_jvm(content, tmp_path, content / "vectors", results, kernels) == "returned 0\n"
    first, lines = judged(results)
    assert kernels in ("", first["kernels"])
    names = [f.parent.name for f in (content / "vectors").glob("*/expect.txt")]
    assert sorted(line["vector"] for line in lines) == sorted(names)
    assert {line["verdict"] for line in lines} == {"exact"}


def test_altered_vector_is_named_and_nothing_is_judged(content: Path, tmp_path: Path) -> None:
    vectors = tmp_path / "vectors"
    shutil.copytree(content / "vectors", vectors)
    stream = vectors / "size-1x1" / "stream.pico"
    stream.write_bytes(stream.read_bytes()[:-1] + b"?")
    results = tmp_path / "conform.jsonl"
    assert on_jvm(content, tmp_path, vectors, results, "") == "returned 3\n"
    assert [json.loads(line) for line in results.read_text().splitlines()] == [
        {"file": "size-1x1/stream.pico", "verdict": "altered"}
    ]


def test_wrong_kernel_set_and_results_that_cannot_be_written_have_codes(
    content: Path, tmp_path: Path
) -> None:
    results = tmp_path / "conform.jsonl"
    assert on_jvm(content, tmp_path, content / "vectors", results, "abacus") == "returned 2\n"
    absent = tmp_path / "absent" / "conform.jsonl"
    assert on_jvm(content, tmp_path, content / "vectors", absent, "") == "returned -1\n"


def test_arm64_library_judges_every_vector_under_qemu(content: Path, tmp_path: Path) -> None:
    compiler, qemu = "aarch64-linux-gnu-gcc", shutil.which("qemu-aarch64-static")
    if qemu is None:
        pytest.skip("qemu-aarch64-static is not installed: apt-get install qemu-user-static")
    stand_in_libc(compiler, tmp_path)
    program = tmp_path / "call_library"
    headers = [f"-I{path}" for path in jni_headers()]
    source = str(HERE / "call_library.c")
    subprocess.run([compiler, "-o", str(program), source, *headers, "-ldl"], check=True)
    results = tmp_path / "conform.jsonl"
    library = content / "lib" / "arm64-v8a" / NAME
    emulator = [qemu, "-L", "/usr/aarch64-linux-gnu", "-E", f"LD_LIBRARY_PATH={tmp_path}"]
    arguments = map(str, (program, library, content / "vectors", results, ""))
    done = subprocess.run([*emulator, *arguments], capture_output=True, text=True, timeout=600)
    assert done.stdout == "returned 0\n", done.stderr
    first, lines = judged(results)
    assert first["kernels"].startswith("neon")
    assert {line["verdict"] for line in lines} == {"exact"} and len(lines) > 100
