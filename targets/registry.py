"""From an address such as ``adb:SERIAL`` to a transport, and to what measures a bundle there.

The only place where code of a target is imported. A target of another package registers itself with
``register``; one of this project is a line in the table.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pico_deploy.errors import MissingDependencyError, UsageError
from pico_deploy.measure.protocol import Job
from pico_deploy.measure.result import Result
from targets.transport import Transport

Progress = Callable[[int, int, str], None]
"""Called with (done, total, what runs now)."""


@dataclass(frozen=True)
class Request:
    """What to measure. ``runtimes`` are names of backends, the first one also makes the stream for
    a target that runs the core alone. ``program`` is a ``pico_bench`` to use instead of building
    one, or the app to install first; ``vectors`` a set of conformance vectors to judge there too.
    """

    job: Job
    runtimes: Sequence[str]
    program: Path | None = None
    vectors: Path | None = None
    progress: Progress = lambda done, total, what: None


@dataclass(frozen=True)
class Target:
    """One kind of target, by reference (``module:attribute``) or as functions.

    A target without ``bench`` moves files and starts things, and measures nothing by itself.
    ``transport(argument)`` opens a way to the device, None for a target without one;
    ``bench(address, request)`` measures; ``plan(address, request)`` lists, a line each, what
    ``bench`` would send and run, and touches nothing; ``connected()`` lists addresses that are
    there now. The argument is what follows the colon of an address.
    """

    summary: str
    bench: str | Callable[[str, Request], Result] | None = None
    plan: str | Callable[[str, Request], list[str]] | None = None
    transport: str | Callable[[str], Transport] | None = None
    connected: str | Callable[[], list[str]] | None = None


_TARGETS: dict[str, Target] = {
    "host": Target(
        "this machine, every runtime in a process of its own",
        bench="targets.host:bench",
        plan="targets.host:plan",
    ),
    "local": Target(
        "this machine, the core alone as a static program",
        bench="targets.core_bench:bench",
        plan="targets.core_bench:plan",
        transport="targets.local:open_local",
    ),
    "emulated": Target(
        "the core alone on another CPU, under qemu: emulated:arm64, emulated:arm64/cortex-a76",
        bench="targets.core_bench:bench",
        plan="targets.core_bench:plan",
        transport="targets.emulated:open_emulated",
        connected="targets.emulated:connected",
    ),
    "adb": Target(
        "the core alone on an Android phone: adb:SERIAL, or adb if only one is connected",
        bench="targets.core_bench:bench",
        plan="targets.core_bench:plan",
        transport="targets.adb:open_adb",
        connected="targets.adb:connected",
    ),
    "adb-app": Target(
        "the Android harness on a phone: adb-app:SERIAL (docs/android.md)",
        bench="targets.android_app:bench",
        plan="targets.android_app:plan",
        connected="targets.android_app:connected",
    ),
    "xctest": Target(
        "an iPhone, through Xcode: xctest:UDID (docs/ios.md)",
        bench="targets.xctest:bench",
        plan="targets.xctest:plan",
        connected="targets.xctest:connected",
    ),
    "devicectl": Target(
        "files and apps of an iPhone, on a Mac: devicectl:UDID",
        transport="targets.devicectl:open_devicectl",
        connected="targets.devicectl:connected",
    ),
    "go-ios": Target(
        "files and apps of an iPhone, without a Mac: go-ios:UDID",
        transport="targets.go_ios:open_go_ios",
        connected="targets.go_ios:connected",
    ),
    "web": Target(
        "the page in headless Chromium here: web, web:wasm, web:webgpu, web:swiftshader",
        bench="targets.web.bench:bench",
        plan="targets.web.bench:plan",
        transport="targets.web.transport:open_web",
        connected="targets.web.transport:connected",
    ),
}


def names() -> list[str]:
    """Names of all kinds of targets."""
    return list(_TARGETS)


def register(name: str, target: Target) -> None:
    """Add a kind of target."""
    _TARGETS[name] = target


def unregister(name: str) -> None:
    """Take a kind of target away again."""
    del _TARGETS[name]


def summary(name: str) -> str:
    """One line about a kind of target."""
    return _TARGETS[name].summary


def bench(address: str, request: Request) -> Result:
    """Measure a bundle on a target; raises ``UsageError`` for an unknown one, and what its own
    bench raises.
    """
    target, _ = _find(address)
    found: Result = _resolve(address, _measuring(address, target.bench))(address, request)
    return found


def plan(address: str, request: Request) -> list[str]:
    """What ``bench`` would send and run; nothing is touched."""
    target, _ = _find(address)
    lines: list[str] = _resolve(address, _measuring(address, target.plan))(address, request)
    return lines


def open_transport(address: str) -> Transport:
    """Open the way to a device; raises ``UsageError`` for a target that has none."""
    target, argument = _find(address)
    if target.transport is None:
        raise UsageError(f"target {address} has no transport: nothing can be pushed to it")
    transport: Transport = _resolve(address, target.transport)(argument)
    return transport


def connected(name: str) -> list[str]:
    """Addresses of this kind that are there now; raises ``MissingDependencyError`` where the tool
    that would know is missing.
    """
    found = _TARGETS[name].connected
    addresses: list[str] = [name] if found is None else _resolve(name, found)()
    return addresses


def _find(address: str) -> tuple[Target, str]:
    name, _, argument = address.partition(":")
    if name not in _TARGETS:
        raise UsageError(
            f"no target is called {address!r}; choose from {', '.join(_TARGETS)} "
            "(`pico-deploy devices` lists what is connected)"
        )
    return _TARGETS[name], argument


_Step = TypeVar("_Step", bound=str | Callable[..., Any])


def _measuring(address: str, step: _Step | None) -> _Step:
    if step is None:
        measuring = ", ".join(name for name, target in _TARGETS.items() if target.bench)
        raise UsageError(
            f"target {address} moves files and starts apps; these measure: {measuring}"
        )
    return step


def _resolve(address: str, reference: str | Callable[..., Any]) -> Callable[..., Any]:
    if not isinstance(reference, str):
        return reference
    module, _, attribute = reference.partition(":")
    try:
        found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "targets":
            raise
        raise MissingDependencyError(
            f"target {address} needs the Python package {error.name}; "
            "run `pip install pico-deploy[devices]`"
        ) from error
    return found
