"""Device profiles: what a kind of device is, how the codec runs on it, and its budgets, each fact
with its source. ``targets/profiles/*.toml``; ``docs/targets.md`` shows how to add one.
"""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pico_deploy.bundle.manifest import Precision
from pico_deploy.errors import InputError, UsageError
from pico_deploy.measure.budgets import Budgets
from pico_deploy.measure.result import Device

FOLDER = Path(__file__).with_name("profiles")

Delegate = Literal["ane", "npu", "nnapi", "gpu", "webgpu", "cpu"]
"""``nnapi`` is for phones before Android 15 and legacy there; ``cpu`` ends every list."""
SourceKind = Literal["claimed", "specification", "observed", "goal"]
"""``claimed``: published by somebody and not reproduced. ``specification``: the maker's own.
``observed``: read from devices or their software by somebody. ``goal``: this project's own aim.
"""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DeviceFacts(_Strict):
    """What identifies the device. ``models`` are build models or product types, patterns as of a
    shell; ``soc_models`` what ``ro.soc.model`` says.
    """

    name: str
    platform: Literal["ios", "android", "browser", "host"]
    soc: str | None = None
    os: str
    models: tuple[str, ...] = ()
    soc_models: tuple[str, ...] = ()


class Runtime(_Strict):
    """How the codec runs there: delegates in the order in which they are tried."""

    target: str
    name: Literal["coreml", "tflite", "onnx", "onnxruntime-web"]
    delegates: Annotated[tuple[Delegate, ...], Field(min_length=1)]
    precision: Precision

    @model_validator(mode="after")
    def _cpu_is_last(self) -> Self:
        if self.delegates[-1] != "cpu":
            raise ValueError("delegates must end with cpu, which every device has")
        return self


class Source(_Strict):
    """Where facts come from: ``covers`` names them, for example ``budgets.encode_milliseconds``."""

    covers: Annotated[tuple[str, ...], Field(min_length=1)]
    kind: SourceKind
    text: str
    url: str | None = None


class Profile(_Strict):
    """One profile. Every fact of ``device`` that somebody could get wrong, and every budget, has a
    source; a source for something that is not there is an error too.
    """

    device: DeviceFacts
    runtime: Runtime
    budgets: Budgets = Budgets()
    sources: tuple[Source, ...] = ()

    @model_validator(mode="after")
    def _every_fact_has_a_source(self) -> Self:
        facts = set(self._facts())
        covered = {fact for source in self.sources for fact in source.covers}
        if facts - covered:
            raise ValueError(f"no source for {', '.join(sorted(facts - covered))}")
        if covered - facts:
            raise ValueError(f"a source for {', '.join(sorted(covered - facts))}, not in the file")
        return self

    def _facts(self) -> Iterator[str]:
        for name in ("soc", "models", "soc_models"):
            if getattr(self.device, name):
                yield f"device.{name}"
        for name in self.budgets.model_dump(exclude_none=True):
            yield f"budgets.{name}"

    def source_of(self, fact: str) -> Source:
        """Where a fact comes from."""
        return next(source for source in self.sources if fact in source.covers)

    def matches(self, device: Device) -> bool:
        """Whether a device that was measured is of this kind, by its model."""
        return any(fnmatch.fnmatchcase(device.model, model) for model in self.device.models)


def names() -> list[str]:
    """Names of all profiles."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> Profile:
    """One profile by its name; raises ``UsageError`` for an unknown one and ``InputError``."""
    path = FOLDER / f"{name}.toml"
    if name not in names():
        raise UsageError(f"no profile is called {name!r}; choose from {', '.join(names())}")
    return read(path)


def read(path: Path) -> Profile:
    """A profile from a file; raises ``InputError`` that names the first thing that is wrong."""
    try:
        return Profile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the profile"
        raise InputError(f"{path}: {where}: {first['msg']}") from error


def matching(device: Device) -> str | None:
    """The profile that a device matches, if there is one."""
    return next((name for name in names() if load(name).matches(device)), None)
