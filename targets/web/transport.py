"""Pages as programs: what is pushed is opened in headless Chromium on this machine.

A page lies at ``/run/SECRET/page`` and talks to the addresses beside it: ``GET start`` gives
``{"argv": […], "env": {…}}``, ``GET`` and ``PUT files/NAME`` the transport's files, ``POST exit``
takes ``{"exit_code": 0, "stdout": "", "stderr": ""}`` and ends it. Each run has a secret and a
browser of its own, so ending it ends everything it started.
"""

from __future__ import annotations

import dataclasses
import queue
import secrets
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from pico_deploy.errors import UsageError
from targets.errors import DisconnectedError, TargetTimeoutError
from targets.local import LocalTransport
from targets.transport import (
    DEFAULT_TIMEOUT_S,
    NOT_FOUND,
    Completed,
    DeviceInfo,
    Transport,
    checked_name,
)
from targets.web.app import FixedHeaders, limited_body, read_message
from targets.web.chromium import Chromium, find_chromium
from targets.web.server import WebServer

FILE_LIMIT_BYTES = 256 << 20
_LOOK_S = 0.25


class _Exit(BaseModel):
    model_config = ConfigDict(extra="forbid")
    exit_code: int
    stdout: str = ""
    stderr: str = ""


@dataclasses.dataclass(frozen=True)
class _Run:
    """One page that runs now."""

    page: bytes
    argv: Sequence[str]
    env: Mapping[str, str]
    ended: queue.Queue[_Exit]


class WebTransport(LocalTransport):
    """A folder of this machine, and a browser that runs pages out of it."""

    def __init__(self) -> None:
        self._browser = find_chromium()
        super().__init__("web")
        self._runs: dict[str, _Run] = {}

    def info(self) -> DeviceInfo:
        """The browser, on this machine."""
        done = subprocess.run([self._browser, "--version"], capture_output=True, text=True)
        version = done.stdout.strip() or Path(self._browser).name
        here = super().info()
        return dataclasses.replace(
            here,
            platform="browser",
            runs="pages",
            model=f"{version} on {here.model}",
            properties={"browser": version},
        )

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> Completed:
        """Open a pushed page and wait until it says that it has ended."""
        program = self._folder / checked_name(argv[0])
        if not program.is_file():
            return Completed(NOT_FOUND, b"", f"{argv[0]}: not found\n".encode())
        secret = secrets.token_urlsafe(24)
        run = _Run(program.read_bytes(), argv, env or {}, queue.Queue())
        self._runs[secret] = run
        try:
            with WebServer(self._app(), "127.0.0.1") as server:
                url = f"http://127.0.0.1:{server.port}/run/{secret}/page"
                with Chromium(url) as browser:
                    ended = self._wait(run, browser, timeout_s)
        finally:
            del self._runs[secret]
        self._log.append(ended.stderr)
        return Completed(ended.exit_code, ended.stdout.encode(), ended.stderr.encode())

    def _wait(self, run: _Run, browser: Chromium, timeout_s: float) -> _Exit:
        left = timeout_s
        while left > 0:
            try:
                return run.ended.get(timeout=min(_LOOK_S, left))
            except queue.Empty:
                left -= _LOOK_S
            if browser.exit_code is not None:
                raise DisconnectedError(
                    f"web: the browser ended with code {browser.exit_code}: {browser.last_words()}"
                )
        raise TargetTimeoutError(
            f"web: {run.argv[0]} ran longer than {timeout_s:g} s and was stopped"
        )

    def _app(self) -> Starlette:
        def found(request: Request) -> _Run:
            run = self._runs.get(request.path_params["secret"])
            if run is None:
                raise HTTPException(404, "no such run")
            return run

        async def page(request: Request) -> Response:
            return HTMLResponse(found(request).page)

        async def start(request: Request) -> Response:
            run = found(request)
            return JSONResponse({"argv": list(run.argv), "env": dict(run.env)})

        async def ended(request: Request) -> Response:
            found(request).ended.put(await read_message(request, _Exit, FILE_LIMIT_BYTES))
            return JSONResponse({})

        async def files(request: Request) -> Response:
            found(request)
            try:
                path = self._folder / checked_name(request.path_params["name"])
            except UsageError as error:
                raise HTTPException(404, str(error)) from error
            if request.method == "PUT":
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(await limited_body(request, FILE_LIMIT_BYTES))
                return JSONResponse({})
            if not path.is_file():
                raise HTTPException(404, "no such file")
            return Response(path.read_bytes(), media_type="application/octet-stream")

        return Starlette(
            routes=[
                Route("/run/{secret}/page", page),
                Route("/run/{secret}/start", start),
                Route("/run/{secret}/exit", ended, methods=["POST"]),
                Route("/run/{secret}/files/{name:path}", files, methods=["GET", "PUT"]),
            ],
            middleware=[Middleware(FixedHeaders, scripts="'unsafe-inline'")],
        )


def open_web(argument: str) -> Transport:
    """The transport of ``web``."""
    if argument:
        raise UsageError(f"the transport web takes no argument; found web:{argument}")
    return WebTransport()


def connected() -> list[str]:
    """``web`` where there is a browser; raises ``MissingDependencyError``."""
    find_chromium()
    return ["web"]
