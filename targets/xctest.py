"""The target ``xctest:UDID``: the harness's XCTest on a paired iPhone, through ``xcodebuild
test-without-building``; the result comes back as an attachment.

``PICO_XCTESTRUN`` names the ``.xctestrun`` file that ``xcodebuild build-for-testing`` wrote; the
app holds the bundle, or it was copied into its Documents (docs/ios.md).
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from pydantic import ValidationError

from pico_deploy.errors import MissingDependencyError, UsageError, VerificationError, last_line
from pico_deploy.measure.result import Provenance, Result
from targets import devicectl, xcresult
from targets.errors import TargetError, TargetTimeoutError
from targets.registry import Request

ATTACHMENT = "pico-result"
XCTESTRUN = "PICO_XCTESTRUN"
TIMEOUT_S = 1800


def bench(address: str, request: Request) -> Result:
    """Run the test and bring its result back.

    Raises ``UsageError`` without a device or test file, ``MissingDependencyError`` without Xcode,
    ``TargetError`` with the failing test's words, and ``VerificationError`` when symbols did not
    come back.
    """
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "PicoHarness.xcresult"
        command = _command(address, bundle)
        output = _run(command, _settings(request))
        if not bundle.exists():
            raise TargetError(f"xcodebuild wrote no result bundle: {last_line(output)}")
        outcome = xcresult.summary(bundle)
        if outcome.failed or outcome.result.lower() != "passed":
            first = next((f"{f.test}: {f.text}" for f in outcome.failures), outcome.result)
            raise TargetError(f"the harness's test did not pass: {first}")
        result = _attached(bundle)
    for run in result.runs:
        if run.hashes.emitted_symbols_sha256 != run.hashes.decoded_symbols_sha256:
            raise VerificationError("the phone decoded other symbols than it had encoded")
    simulators = [device.name for device in outcome.devices if device.is_simulator]
    if simulators and result.provenance is Provenance.DEVICE:
        device = result.device.model_copy(
            update={"emulator_markers": (f"Xcode: {simulators[0]} is a simulator",)}
        )
        changed = {"provenance": Provenance.SIMULATED, "device": device}
        result = result.model_copy(update=changed)
    return result.model_copy(update={"target": "xctest"})


def plan(address: str, request: Request) -> list[str]:
    """The one command that would run, with its settings."""
    settings = " ".join(f"{name}={value}" for name, value in sorted(_settings(request).items()))
    return [f"run here: {settings} " + " ".join(_command(address, Path("PicoHarness.xcresult")))]


def connected() -> list[str]:
    """iPhones that are paired with this Mac."""
    return [f"xctest:{found.partition(':')[2]}" for found in devicectl.connected()]


def _command(address: str, result: Path) -> list[str]:
    udid = address.partition(":")[2]
    if not udid:
        raise UsageError("name the phone: xctest:UDID (`xcrun devicectl list devices` shows it)")
    test_run = os.environ.get(XCTESTRUN)
    if not test_run:
        raise UsageError(
            f"{XCTESTRUN} must name the .xctestrun file that `xcodebuild build-for-testing` wrote"
        )
    return [
        *("xcodebuild", "test-without-building", "-xctestrun", test_run),
        *("-destination", f"platform=iOS,id={udid}"),
        *("-resultBundlePath", str(result)),
    ]


def _settings(request: Request) -> dict[str, str]:
    # xcodebuild hands variables with this prefix to the test, without the prefix.
    job = request.job
    values = {
        "PICO_LEVEL": job.level,
        "PICO_ITERATIONS": job.iterations,
        "PICO_WARM_UP": job.warm_up_iterations,
    }
    return {f"TEST_RUNNER_{name}": str(value) for name, value in values.items()}


def _run(command: list[str], settings: dict[str, str]) -> str:
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise MissingDependencyError(
            "xcodebuild is not on this machine; run this on a Mac with Xcode 16 or later"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise TargetTimeoutError(
            f"the test did not end in {TIMEOUT_S} s; unlock the phone and look at it"
        ) from error
    return done.stdout + done.stderr  # a failed test is in the result bundle, in better words


def _attached(bundle: Path) -> Result:
    found = [a for a in xcresult.attachments(bundle) if a.name.startswith(ATTACHMENT)]
    if len(found) != 1:
        raise TargetError(f"the test attached {len(found)} results instead of one")
    try:
        return Result.model_validate_json(found[0].data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "it"
        raise TargetError(
            f"the phone's result is not of the schema: {field}: {first['msg']}"
        ) from error
