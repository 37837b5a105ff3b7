"""Devices that tests can reach: an adb server of their own, a phone behind it, programs to run."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from adbd import Adbd, Phone
from phones import TEST_PHONE

from pico_deploy.errors import MissingDependencyError
from targets.architectures import ARCHITECTURES
from targets.programs import built, compiler

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The contract test's program for an architecture, as a static binary."""
    made: dict[str, Path] = {}

    def build(name: str) -> Path:
        if name not in made:
            arch = ARCHITECTURES[name]
            gcc = shutil.which(f"{arch.gcc}-gcc")  # no libc to compile first, as zig has
            try:
                command = [gcc] if gcc else compiler(arch)
            except MissingDependencyError as error:
                pytest.skip(str(error))
            program = tmp_path_factory.mktemp(name) / "probe"
            subprocess.run(
                [*command, "-static", "-O1", "-o", str(program), str(HERE / "probe.c")], check=True
            )
            made[name] = program
        return made[name]

    return build


@pytest.fixture(scope="session")
def pico_bench() -> Callable[[str], Path]:
    """``pico_bench`` for an architecture: arm64 as `bench` builds it for a phone, others by gcc,
    which is ready sooner.
    """

    def build(name: str) -> Path:
        arch = ARCHITECTURES[name]
        gcc = None if name == "arm64" else shutil.which(f"{arch.gcc}-gcc")
        try:
            return built(arch, gcc and [gcc])
        except MissingDependencyError as error:
            pytest.skip(str(error))

    return build


@pytest.fixture(scope="session")
def adb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """The real adb, with a server and a home of its own; a function that runs its client."""
    if shutil.which("adb") is None:
        pytest.skip("adb is not installed: apt-get install adb")
    pytest.importorskip("adbutils", reason="pip install pico-deploy[devices]")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    home = str(tmp_path_factory.mktemp("adb-home"))
    patch = pytest.MonkeyPatch()
    patch.setenv("ANDROID_ADB_SERVER_PORT", port)
    patch.setenv("HOME", home)
    patch.delenv("ANDROID_SERIAL", raising=False)

    def adb(*arguments: str) -> str:
        done = subprocess.run(["adb", *arguments], capture_output=True, text=True, timeout=60)
        return done.stdout + done.stderr

    adb("start-server")
    yield adb
    adb("kill-server")
    patch.undo()


@pytest.fixture
def adbd(adb_server: Callable[..., str], tmp_path: Path) -> Iterator[Adbd]:
    """A phone that the adb server is connected to; ``adbd.serial`` names it."""
    started = Adbd(tmp_path / "phone", Phone(dict(TEST_PHONE.properties), dict(TEST_PHONE.answers)))
    started.serial = f"127.0.0.1:{started.port}"
    assert "connected" in adb_server("connect", started.serial)
    yield started
    adb_server("disconnect", started.serial)
    started.stop()


@pytest.fixture(autouse=True)
def nothing_is_left_behind(tmp_path: Path) -> Iterator[None]:
    """Folders of transports are removed, also after a fault."""
    before = _folders()
    yield
    assert _folders() == before


def _folders() -> set[str]:
    base = Path(os.environ.get("TMPDIR", "/tmp"))
    return {path.name for path in base.glob("pico-target-*")}


class Iphone:
    """A phone behind stand-ins of devicectl and go-ios; ``answer`` changes what they say."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.log = folder / "iphone", folder / "calls.jsonl"
        programs = folder / "bin"
        programs.mkdir()
        for name in ("xcrun", "ios"):
            script = programs / name
            stand_in = HERE / "iphone_stand_in.py"
            script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{stand_in}" {name} "$@"\n')
            script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        monkeypatch.setenv("IPHONE", str(folder / "iphone.json"))
        self._settings = folder / "iphone.json"
        self.answer()

    def answer(self, **changed: object) -> None:
        settings = {
            "folder": str(self.folder),
            "version": 5,
            "error": None,
            "app": ["pico: ready"],
            "exit": 0,
            "log": str(self.log),
        }
        self._settings.write_text(json.dumps(settings | changed))

    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def iphone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iphone:
    folder = tmp_path / "stand-in"
    folder.mkdir()
    return Iphone(folder, monkeypatch)
