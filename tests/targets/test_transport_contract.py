"""Every transport moves bytes unaltered, runs things as told, and says in type what went wrong."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from adbd import Adbd

from pico_deploy.errors import InputError, MissingDependencyError, OutputError, UsageError
from targets.errors import NotOnTargetError, TargetError, TargetTimeoutError
from targets.registry import open_transport
from targets.transport import NOT_FOUND, Transport

Opened = tuple[Transport, Path]
"""A transport, and the probe as a program for what it reaches."""


@pytest.fixture(params=["local", "emulated:arm64", "emulated:arm64/cortex-a53", "adb", "web"])
def opened(request: pytest.FixtureRequest, probe: Callable[[str], Path]) -> Iterator[Opened]:
    address = request.param
    if address == "web":
        yield from opened_browser()
        return
    if address != "local" and shutil.which("qemu-aarch64-static") is None:
        pytest.skip("qemu-aarch64-static is not installed: apt-get install qemu-user-static")
    if address == "adb":
        adbd: Adbd = request.getfixturevalue("adbd")
        address = f"adb:{adbd.serial}"
    program = probe("x86-64" if address == "local" else "arm64")
    with open_transport(address) as transport:
        yield transport, program


@pytest.fixture(
    params=["local", "emulated:arm64", "adb", "devicectl:v2", "devicectl:v5", "go-ios:v5"]
)
def anywhere(request: pytest.FixtureRequest) -> Iterator[Transport]:
    """Every transport, also those that start apps and not programs."""
    kind, _, version = request.param.partition(":v")
    if kind == "emulated:arm64" and shutil.which("qemu-aarch64-static") is None:
        pytest.skip("qemu-aarch64-static is not installed: apt-get install qemu-user-static")
    address = kind
    if kind == "adb":
        address = f"adb:{request.getfixturevalue('adbd').serial}"
    elif version:
        request.getfixturevalue("iphone").answer(version=int(version))
        address = f"{kind}:00008110-0000000000000001"
    with open_transport(address) as transport:
        yield transport


def opened_browser() -> Iterator[Opened]:
    """A browser runs pages instead of programs; its probe is one."""
    pytest.importorskip("uvicorn", reason="pip install pico-deploy[web]")
    try:
        transport = open_transport("web")
    except MissingDependencyError as error:
        pytest.skip(str(error))
    with transport:
        yield transport, Path(__file__).with_name("probe.html")


SIZES = (0, 1, 4095, (64 << 10) + 1, (1 << 20) + 7)


@pytest.mark.parametrize("name", ["plain", "a name with spaces & $signs 'quoted'", "sub/größe.bin"])
def test_what_was_pushed_comes_back_byte_for_byte(
    anywhere: Transport, name: str, tmp_path: Path
) -> None:
    transport = anywhere
    for size in SIZES:
        (tmp_path / "sent").write_bytes(random.Random(size).randbytes(size))
        transport.push(tmp_path / "sent", name)
        transport.pull(name, tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == (tmp_path / "sent").read_bytes()


AWKWARD = ["", " ", "a b", "$HOME", "`id`", "'\"\\", "*", "; exit 3", "-n", "größe", "two\nlines"]


def test_arguments_and_environment_arrive_unaltered_and_outputs_stay_apart(opened: Opened) -> None:
    transport, program = opened
    transport.push(program, "probe")
    done = transport.run(["probe", "echo", "PICO_TEST", *AWKWARD], env={"PICO_TEST": "$a 'b'\n"})
    assert done.exit_code == 0
    assert done.stdout.decode() == "".join(f"{text}|" for text in AWKWARD)
    assert done.stderr.decode() == "$a 'b'\n"


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_exit_code_of_a_program_is_a_result_and_no_error(opened: Opened, code: int) -> None:
    transport, program = opened
    transport.push(program, "probe")
    assert transport.run(["probe", "exit", str(code)]).exit_code == code


def test_program_reads_and_writes_files_by_the_names_they_were_pushed_under(
    opened: Opened, tmp_path: Path
) -> None:
    transport, program = opened
    (tmp_path / "sent").write_bytes(bytes(range(256)))
    transport.push(program, "probe")
    transport.push(tmp_path / "sent", "in put")
    assert transport.run(["probe", "copy", "in put", "out put"]).exit_code == 0
    transport.pull("out put", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == bytes(range(256))


def test_program_that_is_not_there_gives_127(opened: Opened) -> None:
    transport, _ = opened
    assert transport.run(["absent", "x"]).exit_code == NOT_FOUND


def test_program_that_does_not_end_is_a_timeout(opened: Opened) -> None:
    transport, program = opened
    transport.push(program, "probe")
    with pytest.raises(TargetTimeoutError, match="probe"):
        transport.run(["probe", "wait"], timeout_s=0.5)
    assert transport.run(["probe", "exit", "4"]).exit_code == 4  # and the device is usable again


def test_file_that_is_not_there_is_named_and_nothing_appears(
    anywhere: Transport, tmp_path: Path
) -> None:
    transport = anywhere
    transport.push(Path(__file__), "something")
    with pytest.raises(NotOnTargetError, match="absent"):
        transport.pull("absent", tmp_path / "back")
    assert list(tmp_path.glob("back*")) == []


def test_unwritable_destination_is_an_output_error(anywhere: Transport, tmp_path: Path) -> None:
    transport = anywhere
    transport.push(Path(__file__), "something")
    with pytest.raises(OutputError):
        transport.pull("something", tmp_path / "no" / "folder" / "back")


def test_source_that_cannot_be_read_is_an_input_error(anywhere: Transport, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="absent"):
        anywhere.push(tmp_path / "absent", "x")


@pytest.mark.parametrize("name", ["", ".", "/etc/passwd", "../x", "a/../../x"])
def test_name_outside_the_folder_is_refused(anywhere: Transport, name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        anywhere.push(Path(__file__), name)
    with pytest.raises(UsageError):
        anywhere.pull(name, tmp_path / "back")
    if anywhere.info().runs == "programs":
        with pytest.raises(UsageError):
            anywhere.run([name])


def test_info_says_what_runs_there_and_never_a_provenance(anywhere: Transport) -> None:
    info = anywhere.info()
    assert info.runs == ("apps" if info.platform == "ios" else "programs")
    assert info.architecture and info.os and info.model
    assert not hasattr(info, "provenance")


def test_install_works_or_is_refused_in_type(anywhere: Transport, tmp_path: Path) -> None:
    package = tmp_path / "app.apk"
    package.write_bytes(b"PK")
    if anywhere.info().platform in ("android", "ios"):
        anywhere.install(package)
        with pytest.raises(InputError, match="absent"):
            anywhere.install(tmp_path / "absent.apk")
    else:
        with pytest.raises(TargetError):
            anywhere.install(package)


def test_app_that_was_started_leaves_its_outputs_apart_and_in_the_log(
    anywhere: Transport,
) -> None:
    if anywhere.info().runs != "apps":
        return
    done = anywhere.run(["org.pico-deploy.PicoHarness"], env={"PICO_RUN": "1"})
    assert (done.exit_code, done.stdout) == (0, b"pico: ready\n")
    assert b"PICO_RUN" in done.stderr
    assert "pico: ready" in anywhere.logs()


def test_logs_are_text(opened: Opened) -> None:
    transport, program = opened
    transport.push(program, "probe")
    transport.run(["probe", "echo", "PICO_TEST"], env={"PICO_TEST": "pico: ready"})
    assert "pico: ready" in transport.logs()
