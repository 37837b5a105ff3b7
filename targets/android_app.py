"""The target ``adb-app:SERIAL``: the Android harness on a phone, through ``adb``. The bundle goes
to the app's files, an intent starts the app, and its result comes back from there.

The app claims what it runs on; provenance is decided here, from what the phone itself says
(``targets.identify``). The app must be installed, or is when it is named as the program.
"""

from __future__ import annotations

import secrets
import tempfile
import time
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from pico_deploy.bundle.manifest import MANIFEST_NAME, to_json
from pico_deploy.bundle.read import Bundle, open_bundle
from pico_deploy.errors import UsageError, VerificationError
from pico_deploy.measure import identity
from pico_deploy.measure.result import Result
from pico_deploy.measure.workload import load_picture
from targets import adb, core_bench, profile
from targets.adb import AdbTransport
from targets.errors import NotOnTargetError, TargetError, TargetTimeoutError
from targets.identify import Seen, identify
from targets.registry import Request
from targets.transfers import only_one
from targets.transport import DeviceInfo

PACKAGE = "org.picodeploy.harness"
ACTIVITY = f"{PACKAGE}/org.picodeploy.app.BenchActivity"
FILES = f"/sdcard/Android/data/{PACKAGE}/files"
"""The app's external files, where the shell user may write too."""
BUNDLE, VECTORS, PHOTO = "pico.bundle", "vectors", "photo.rgb"
RESULT, ERROR, SEEN, ENDED = "result.json", "error.json", "seen.json", "ended.txt"
RUNTIMES = ("tflite", "onnx")
CLAIM = "the app says what it runs on; whether that is so was not judged"
"""The app's own note, which no longer holds once it was judged."""
TIMEOUT_S = 1800.0
POLL_S = 2.0
"""Seldom enough that asking does not disturb what is measured."""


class SeenByApp(BaseModel):
    """``seen.json``: the machine as the app itself saw it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    machine: str
    arm_midr: int | None = None


class AppError(BaseModel):
    """``error.json``: why there is no result."""

    code: str
    message: str


def bench(address: str, request: Request) -> Result:
    """Run the app and bring its result back.

    Raises what ``adb`` raises, ``UsageError`` for a job that the app cannot do, ``TargetError``
    with the app's own reason, and ``VerificationError`` when symbols did not come back.
    """
    settings = _settings(request)
    serial = address.partition(":")[2] or only_one(adb.connected(), "Android device")
    if request.program is not None:
        with AdbTransport(serial) as installing:
            installing.install(request.program)
    with AdbTransport(serial, base=FILES) as transport, tempfile.TemporaryDirectory() as folder:
        info = transport.info()
        request.progress(0, 3, "pushing the bundle")
        with open_bundle(request.job.bundle) as bundle:
            pushed = identity.bundle(bundle)
            _push_bundle(transport, bundle, Path(folder) / "file")
        if request.vectors is not None:
            _push_folder(transport, request.vectors, VECTORS)
        settings |= _push_picture(transport, request.job.photo, Path(folder) / "file")
        token = secrets.token_hex(8)
        request.progress(1, 3, f"measuring on {info.model}")
        extras = {**settings, "folder": transport.folder_name, "token": token, "finish": "true"}
        transport.start_activity(ACTIVITY, extras)
        _wait(transport, Path(folder), token)
        request.progress(2, 3, "fetching the result")
        result, seen = _fetch(transport, Path(folder))
    if result.bundle.manifest_sha256 != pushed.manifest_sha256:
        raise TargetError("the phone measured another bundle than the one that was pushed")
    for run in result.runs:
        if run.hashes.emitted_symbols_sha256 != run.hashes.decoded_symbols_sha256:
            raise VerificationError("the phone decoded other symbols than it had encoded")
    return _judged(result, info, seen)


def plan(address: str, request: Request) -> list[str]:
    """What would be sent and run."""
    extras = " ".join(f"--es {name} {value}" for name, value in _settings(request).items())
    install = [] if request.program is None else [f"install on {address}: {request.program}"]
    return [
        *install,
        f"push to {address}: every file of {request.job.bundle}",
        f"push to {address}: {PHOTO}, {request.job.photo or 'the synthetic image'} as bare RGB",
        *(
            []
            if request.vectors is None
            else [f"push to {address}: every file of {request.vectors}"]
        ),
        f"run on {address}: am start -S -W -n {ACTIVITY} {extras}",
        f"pull from {address}: {RESULT} or {ERROR}, {SEEN}",
        f"remove from {address}: everything that was pushed",
    ]


def connected() -> list[str]:
    """Android devices that trust this machine."""
    return [f"adb-app:{found.partition(':')[2]}" for found in adb.connected()]


def _settings(request: Request) -> dict[str, str]:
    """Extras of the intent, apart from those of the picture."""
    job = request.job
    runtime = next((name for name in request.runtimes if name in RUNTIMES), None)
    if runtime is None:
        raise UsageError(f"the app has the runtimes {', '.join(RUNTIMES)}; choose one of them")
    values: dict[str, object] = {
        "bundle": BUNDLE,
        "runtime": runtime,
        "level": job.level,
        "iterations": job.iterations,
        "warm_up": job.warm_up_iterations,
    }
    if job.precision is not None:
        values["precision"] = job.precision
    if request.vectors is not None:
        values["vectors"] = VECTORS
    return {name: str(value) for name, value in values.items()}


def _push_bundle(transport: AdbTransport, bundle: Bundle, passing: Path) -> None:
    """Every file, from a folder or a zip, through the file ``passing``."""
    passing.write_bytes(to_json(bundle.manifest))
    transport.push(passing, f"{BUNDLE}/{MANIFEST_NAME}")
    for name in sorted(bundle.manifest.files):
        passing.write_bytes(bundle.read(name))
        transport.push(passing, f"{BUNDLE}/{name}")


def _push_picture(transport: AdbTransport, photo: Path | None, passing: Path) -> dict[str, str]:
    """The picture as bare RGB; the settings that tell the app of it."""
    picture = load_picture(photo)
    passing.write_bytes(picture.pixels.tobytes())
    transport.push(passing, PHOTO)
    height, width = picture.pixels.shape[:2]
    return {"photo": PHOTO, "photo_name": picture.name, "size": f"{width}x{height}"}


def _push_folder(transport: AdbTransport, folder: Path, name: str) -> None:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            transport.push(file, f"{name}/{file.relative_to(folder).as_posix()}")


def _wait(transport: AdbTransport, folder: Path, token: str) -> None:
    """Until the app has marked its end with the token of this run."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            transport.pull(ENDED, folder / ENDED)
        except NotOnTargetError:
            time.sleep(POLL_S)
            continue
        if (folder / ENDED).read_text().strip() == token:
            return
        raise TargetError(f"{transport.address}: {ENDED} is of another run; start this one again")
    raise TargetTimeoutError(
        f"{transport.address}: the app did not end in {TIMEOUT_S:g} s; unlock the phone, look at it"
    )


def _fetch(transport: AdbTransport, folder: Path) -> tuple[Result, SeenByApp]:
    try:
        transport.pull(RESULT, folder / RESULT)
    except NotOnTargetError as missing:
        transport.pull(ERROR, folder / ERROR)
        error = _read(AppError, folder / ERROR)
        raise TargetError(f"the app failed with {error.code}: {error.message}") from missing
    transport.pull(SEEN, folder / SEEN)
    return _read(Result, folder / RESULT), _read(SeenByApp, folder / SEEN)


_Model = TypeVar("_Model", bound=BaseModel)


def _read(kind: type[_Model], path: Path) -> _Model:
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "it"
        raise TargetError(
            f"the phone's {path.name} is not of the schema: {field}: {first['msg']}"
        ) from error


def _judged(result: Result, info: DeviceInfo, seen: SeenByApp) -> Result:
    """The result with what the phone says instead of what the app claims."""
    found = identify(info, Seen(machine=seen.machine, arm_midr=seen.arm_midr))
    measured = core_bench.device(info, found)
    kept = tuple(note for note in result.notes if note != CLAIM)
    missing = tuple(f"not identified as a device: {reason} is missing" for reason in found.missing)
    return result.model_copy(
        update={
            "provenance": found.provenance,
            "device": measured,
            "target": "adb-app",
            "profile": profile.matching(measured),
            "notes": kept + missing,
        }
    )
