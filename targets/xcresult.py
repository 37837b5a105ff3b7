"""Reading a result bundle of Xcode through ``xcrun xcresulttool``: which tests passed, on which
device, and the files they attached.

Source: output of ``xcresulttool get test-results summary`` and ``export attachments`` of Xcode 16
and later. Apple does not document it, so only what is needed is read, and unknown fields are
ignored.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pico_deploy.errors import MissingDependencyError, last_line
from targets.errors import TargetError


class _Lenient(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Device(_Lenient):
    """Where tests ran, in Xcode's words."""

    name: str = Field(default="", alias="deviceName")
    model: str = Field(default="", alias="modelName")
    platform: str = ""
    os_version: str = Field(default="", alias="osVersion")

    @property
    def is_simulator(self) -> bool:
        """Whether Xcode itself says so."""
        return "simulator" in self.platform.lower()


class _Configuration(_Lenient):
    device: Device


class TestFailure(_Lenient):
    """A test that failed, and why."""

    test: str = Field(default="", alias="testName")
    text: str = Field(default="", alias="failureText")


class Summary(_Lenient):
    """What ``get test-results summary`` says."""

    result: str
    passed: int = Field(default=0, alias="passedTests")
    failed: int = Field(default=0, alias="failedTests")
    configurations: tuple[_Configuration, ...] = Field(default=(), alias="devicesAndConfigurations")
    failures: tuple[TestFailure, ...] = Field(default=(), alias="testFailures")

    @property
    def devices(self) -> tuple[Device, ...]:
        """Every device that took part."""
        return tuple(configuration.device for configuration in self.configurations)


class _Attachment(_Lenient):
    file: str = Field(alias="exportedFileName")
    name: str = Field(default="", alias="suggestedHumanReadableName")


class _AttachmentsOfTest(_Lenient):
    attachments: tuple[_Attachment, ...] = ()


@dataclass(frozen=True)
class Attachment:
    """A file that a test attached: its name without Xcode's suffixes, and its bytes."""

    name: str
    data: bytes


def summary(bundle: Path) -> Summary:
    """Outcome of the tests; raises ``TargetError`` when Xcode's answer cannot be understood."""
    answer = _xcresulttool("get", "test-results", "summary", "--path", str(bundle), "--compact")
    try:
        return Summary.model_validate_json(answer)
    except ValidationError as error:
        raise _not_understood("the summary", error) from error


def attachments(bundle: Path) -> list[Attachment]:
    """Every attachment of every test; raises ``TargetError``."""
    with _exported(bundle) as folder:
        try:
            text = (folder / "manifest.json").read_text(encoding="utf-8")
            tests = TypeAdapter(tuple[_AttachmentsOfTest, ...]).validate_json(text)
            return [
                Attachment(entry.name, (folder / Path(entry.file).name).read_bytes())
                for test in tests
                for entry in test.attachments
            ]
        except (ValidationError, OSError, json.JSONDecodeError) as error:
            raise _not_understood("the list of attachments", error) from error


@contextmanager
def _exported(bundle: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        _xcresulttool("export", "attachments", "--path", str(bundle), "--output-path", folder)
        yield Path(folder)


def _xcresulttool(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["xcrun", "xcresulttool", *arguments], capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise MissingDependencyError(
            "xcrun is not on this machine; run this on a Mac with Xcode 16 or later"
        ) from error
    if done.returncode != 0:
        raise TargetError(f"xcresulttool failed: {last_line(done.stderr or done.stdout)}")
    return done.stdout


def _not_understood(what: str, error: Any) -> TargetError:
    first = str(error).splitlines()[0]
    return TargetError(
        f"{what} of xcresulttool cannot be understood ({first}); is this Xcode 16 or later?"
    )
