"""The server's routes. Static files are for everybody; all else wants a key.

Sizes are limited while a body arrives, and a file of the bundle is looked up in the manifest's
list, so no path leads out of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pico_deploy.errors import PicoError
from pico_deploy.measure.result import Failure
from pico_deploy.measure.store import parse
from targets.web.job import Desk, PageFailure, PageProgress
from targets.web.pairing import Pairing
from targets.web.tasks import NoSuchTaskError, TaskBoard

MESSAGE_LIMIT_BYTES = 16 << 10
RESULT_LIMIT_BYTES = 8 << 20
STREAM_LIMIT_BYTES = 64 << 20
TASK_WAIT_S = 1.0
"""How long a page that asks for a task is kept waiting; it asks again."""

_HEADERS = {
    # threads share memory only on a page that is isolated from others
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-embedder-policy": b"require-corp",
    b"cross-origin-resource-policy": b"same-origin",
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
    b"cache-control": b"no-store",
}

_Endpoint = Callable[[Request], Awaitable[Response]]
_Model = TypeVar("_Model", bound=BaseModel)


class _Trade(BaseModel):
    model_config = ConfigDict(extra="forbid")
    token: str


_POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' blob: {scripts}; "
    "worker-src 'self' blob:; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class FixedHeaders:
    """Adds the headers to every response. ``scripts``: further sources of scripts."""

    def __init__(self, app: ASGIApp, scripts: str = "") -> None:
        self._app = app
        policy = _POLICY.format(scripts=scripts).encode()
        self._headers = [*_HEADERS.items(), (b"content-security-policy", policy)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; see ASGI."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *self._headers]
            await send(message)

        await self._app(scope, receive, sending)


async def limited_body(request: Request, limit: int) -> bytes:
    """The body, refused with 413 as soon as it is larger than ``limit`` bytes."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > limit:
            raise HTTPException(413, f"more than {limit} bytes; nothing was stored")
    return bytes(received)


async def read_message(request: Request, model: type[_Model], limit: int) -> _Model:
    """A body as a message of this type, refused with 422 when it is none."""
    try:
        return model.model_validate_json(await limited_body(request, limit))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "body"
        raise HTTPException(422, f"{where}: {first['msg']}") from error


async def _as_json(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"message": error.detail}, error.status_code)


def make_app(page: Path, desk: Desk, pairing: Pairing, board: TaskBoard | None = None) -> Starlette:
    """The server for one piece of work; ``board`` where that is tasks."""

    def keyed(endpoint: _Endpoint) -> _Endpoint:
        async def checked(request: Request) -> Response:
            scheme, _, key = request.headers.get("authorization", "").partition(" ")
            if scheme != "Bearer" or not pairing.knows(key):
                raise HTTPException(401, "this page is not paired; open the link just printed")
            return await endpoint(request)

        return checked

    async def session(request: Request) -> Response:
        key = pairing.trade((await read_message(request, _Trade, MESSAGE_LIMIT_BYTES)).token)
        if key is None:
            raise HTTPException(
                401, "this link was used already or is not ours; open the link just printed"
            )
        desk.paired()
        return JSONResponse({"key": key})

    async def job(_: Request) -> Response:
        return JSONResponse(desk.job.model_dump(mode="json"))

    async def picture(_: Request) -> Response:
        if desk.picture is None:
            raise HTTPException(404, "no picture goes with this job")
        return Response(desk.picture.pixels.tobytes(), media_type="application/octet-stream")

    async def bundle(request: Request) -> Response:
        data = await run_in_threadpool(desk.read_bundle, request.path_params["path"])
        if data is None:
            raise HTTPException(404, "the bundle lists no such file")
        return Response(data, media_type="application/octet-stream")

    async def stream(request: Request) -> Response:
        data = await limited_body(request, STREAM_LIMIT_BYTES)
        desk.streams.clear()  # one at a time, or a page could fill the memory
        desk.streams[hashlib.sha256(data).hexdigest()] = data
        return JSONResponse({})

    async def results(request: Request) -> Response:
        text = await limited_body(request, RESULT_LIMIT_BYTES)
        try:
            result = parse(text, "the posted result")
            hashes = result.runs[0].hashes if result.runs else None
            data = desk.streams.pop(hashes.stream_sha256 or "", None) if hashes else None
            if data is None:
                raise HTTPException(422, "the stream that the result names was not posted before")
            kept, name = await run_in_threadpool(desk.accept, result, data)
        except PicoError as error:
            raise HTTPException(422, " ".join(str(error).split())) from error
        desk.tell(kept)
        return JSONResponse({"stored": name})

    async def progress(request: Request) -> Response:
        desk.tell(await read_message(request, PageProgress, MESSAGE_LIMIT_BYTES))
        return JSONResponse({})

    async def failure(request: Request) -> Response:
        told = await read_message(request, PageFailure, MESSAGE_LIMIT_BYTES)
        desk.tell(Failure(code=told.code, message=told.message))
        return JSONResponse({})

    posts = {"stream": stream, "results": results, "progress": progress, "failure": failure}
    return Starlette(
        routes=[
            Route("/api/session", session, methods=["POST"]),
            Route("/api/job", keyed(job)),
            Route("/api/picture", keyed(picture)),
            Route("/bundle/{path:path}", keyed(bundle)),
            *(Route(f"/api/{n}", keyed(e), methods=["POST"]) for n, e in posts.items()),
            *(_task_routes(board, keyed) if board is not None else ()),
            Mount("/", StaticFiles(directory=page, html=True)),
        ],
        middleware=[Middleware(FixedHeaders)],
        exception_handlers={HTTPException: _as_json},
    )


def _task_routes(board: TaskBoard, keyed: Callable[[_Endpoint], _Endpoint]) -> list[Route]:
    async def task(_: Request) -> Response:
        found = await run_in_threadpool(board.take, TASK_WAIT_S)
        if found is None:
            return Response(status_code=204)
        return JSONResponse(found.model_dump(mode="json"))

    async def data(request: Request) -> Response:
        found = board.input(request.path_params["number"])
        return Response(found, media_type="application/octet-stream")

    async def symbols(request: Request) -> Response:
        body = await limited_body(request, STREAM_LIMIT_BYTES)
        board.keep_symbols(request.path_params["number"], body)
        return JSONResponse({})

    async def output(request: Request) -> Response:
        body = await limited_body(request, STREAM_LIMIT_BYTES)
        board.finish(request.path_params["number"], body)
        return JSONResponse({})

    async def failure(request: Request) -> Response:
        told = await read_message(request, PageFailure, MESSAGE_LIMIT_BYTES)
        failed = Failure(code=told.code, message=told.message)
        board.fail(request.path_params["number"], failed)
        return JSONResponse({})

    def known(endpoint: _Endpoint) -> _Endpoint:
        async def checked(request: Request) -> Response:
            try:
                return await endpoint(request)
            except NoSuchTaskError as error:
                raise HTTPException(404, "that task is not being worked on") from error

        return checked

    posts = {"symbols": symbols, "output": output, "failure": failure}
    place = "/api/task/{number:int}/"
    return [
        Route("/api/task", keyed(task)),
        Route(place + "input", keyed(known(data))),
        *(Route(place + n, keyed(known(e)), methods=["POST"]) for n, e in posts.items()),
    ]
