"""The activity's code: whole, of methods that exist, and doing what docs/android.md says, run by an
interpreter over stand-ins of Java and Android.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from dalvik import JavaError, VerifyError
from phone import Phone
from smali_text import Class, parse

from pico_deploy.conformance.vector_set import VectorSet, VectorSetError

HERE = Path(__file__).parent
Change = Callable[[str], str]


def java(*arguments: str | Path) -> str:
    if shutil.which("java") is None:
        pytest.skip("java is not installed: apt-get install openjdk-17-jdk-headless")
    done = subprocess.run(["java", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def texts(content: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The code in the APK, disassembled: text by name of the class."""
    return disassembled(content / "classes.dex", tmp_path_factory.mktemp("smali"))


def disassembled(dex: Path, folder: Path) -> dict[str, str]:
    subprocess.run(["baksmali", "disassemble", "-o", str(folder), str(dex)], check=True)
    return {path.stem: path.read_text() for path in folder.rglob("*.smali")}


def classes(texts: dict[str, str]) -> list[Class]:
    return [parse(text) for text in texts.values()]


def test_disassembled_code_assembles_to_the_same_code(
    texts: dict[str, str], tmp_path: Path
) -> None:
    paths = []
    for name, text in texts.items():
        paths.append(tmp_path / f"{name}.smali")
        paths[-1].write_text(text)
    again = tmp_path / "classes.dex"
    command = ["smali", "assemble", "--api", "26", "-o", str(again)]
    subprocess.run([*command, *map(str, sorted(paths))], check=True)
    assert disassembled(again, tmp_path / "again") == texts


def calls(texts: dict[str, str]) -> set[str]:
    """``class method`` of everything that is called outside of the APK, with Java's class names;
    what the activity inherits is called on ``android.app.Activity``.
    """
    own = {found.name: found for found in classes(texts)}
    outside = set()
    for found in own.values():
        for method in found.methods.values():
            for operation, operands in method.code:
                if not operation.startswith("invoke"):
                    continue
                owner, _, signature = operands.rpartition("}, ")[2].partition("->")
                if owner in own:
                    if signature in own[owner].methods:
                        continue
                    owner = own[owner].parents[0]
                outside.add(f"{owner[1:-1].replace('/', '.')} {signature}")
    return outside


def test_every_method_that_is_called_exists(texts: dict[str, str]) -> None:
    wanted = calls(texts)
    android = {call for call in wanted if call.startswith("android.")}
    known = (HERE / "framework.txt").read_text().splitlines()
    assert android == {line for line in known if not line.startswith("#")}
    misspelt = "java.io.File deleet()Z"
    said = java(HERE / "Resolve.java", *sorted(wanted - android), misspelt)
    assert said.splitlines() == [misspelt]


def native(vectors: str, results: str, kernels: str) -> int:
    """In place of the library: the vectors must be whole, as it demands them."""
    VectorSet.open(Path(vectors))
    Path(results).write_text(f'{{"kernels": "{kernels or "best"}"}}\n')
    return 0


@pytest.fixture
def phone(content: Path, tmp_path: Path) -> Phone:
    return Phone(tmp_path, content / "assets", native)


def test_activity_judges_the_vectors_and_says_where_the_results_are(
    phone: Phone, texts: dict[str, str]
) -> None:
    stale = phone.folder / "files" / "vectors" / "stale"
    stale.mkdir(parents=True)
    (stale / "file").write_text("of an older APK")
    results = phone.folder / "external" / "conform.jsonl"
    for _ in range(2):
        phone.start(classes(texts))
        assert results.read_text() == '{"kernels": "best"}\n'
    assert [path.name for path in results.parent.iterdir()] == ["conform.jsonl"]
    tag, summary = phone.log[-1]
    assert tag == "pico_conform" and summary.startswith("exit code 0 (")
    assert summary.endswith(f"results in {results}")
    assert phone.shown[-1] == summary and phone.loaded == ["pico_conform"] * 2


def test_kernels_of_the_intent_reach_the_library_and_a_phone_without_storage_has_a_place(
    phone: Phone, texts: dict[str, str]
) -> None:
    phone.kernels, phone.external = "scalar", False
    phone.start(classes(texts))
    results = phone.folder / "files" / "conform.jsonl"
    assert results.read_text() == '{"kernels": "scalar"}\n'


def test_exception_is_logged_and_shown_and_leaves_no_results_that_look_complete(
    phone: Phone, texts: dict[str, str]
) -> None:
    def breaks(vectors: str, results: str, kernels: str) -> int:
        Path(results).write_text("half a li")
        raise JavaError("java.lang.UnsatisfiedLinkError: no pico_conform")

    phone.start(classes(texts))
    phone.native = breaks
    phone.start(classes(texts))
    assert phone.log[-1] == ("pico_conform", "failed", phone.shown[-1])
    assert "UnsatisfiedLinkError" in phone.shown[-1]
    assert not (phone.folder / "external" / "conform.jsonl").exists()


REMOVE = "    invoke-static {v0}, Lorg/picodeploy/conform/Vectors;->remove(Ljava/io/File;)V\n"


@pytest.mark.parametrize(
    ("name", "old", "new", "error"),
    [
        ("ConformActivity", REMOVE, "", VectorSetError),
        ("ConformActivity", "->renameTo(Ljava/io/File;)Z", "->delete()Z", VerifyError),
        ("Vectors", "mkdirs()Z", "mkdir()Z", VerifyError),
        ("Shown", "iget-object v1", "iget-object v0", VerifyError),
        ("Conform", "native ", "", IndexError),
    ],
)
def test_planted_fault_in_the_code_is_found(
    phone: Phone, texts: dict[str, str], name: str, old: str, new: str, error: type[Exception]
) -> None:
    stale = phone.folder / "files" / "vectors" / "stale"
    stale.mkdir(parents=True)
    (stale / "file").write_text("of an older APK")
    assert old in texts[name]
    faulty = texts | {name: texts[name].replace(old, new)}
    with pytest.raises(error):
        phone.start(classes(faulty))


def test_interpreter_refuses_wrong_types_and_wrong_calls(
    texts: dict[str, str], tmp_path: Path
) -> None:
    unwritten = texts["Shown"].replace("invoke-virtual {v0, v1}", "invoke-virtual {v0, v2}")
    phone = Phone(tmp_path, tmp_path, native)  # its asset is missing, which the activity shows
    with pytest.raises(VerifyError, match="no Ljava/lang/CharSequence"):
        phone.start(classes(texts | {"Shown": unwritten}))
    wrong_kind = texts["Shown"].replace("invoke-direct {p0}", "invoke-static {p0}")
    with pytest.raises(VerifyError, match="other arguments"):
        phone.start(classes(texts | {"Shown": wrong_kind}))
