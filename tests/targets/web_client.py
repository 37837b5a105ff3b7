"""What tests need to act as a page: requests as a browser makes them, and results as a page reports
them.
"""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pico_deploy.conformance.pixels import pixels_sha256
from pico_deploy.measure import identity
from pico_deploy.measure.protocol import Job
from pico_deploy.measure.result import (
    Hashes,
    Operation,
    Phase,
    PhaseSamples,
    Provenance,
    Result,
    Run,
    Workload,
)
from pico_deploy.runtime.decode import open_stream
from pico_deploy.runtime.encode import encode
from pico_deploy.runtime.photo import ArrayPixels
from pico_deploy.runtime.session import Session
from targets.web.app import make_app
from targets.web.check import check, decoded_symbols
from targets.web.desk import make_desk
from targets.web.pairing import Pairing
from targets.web.server import WebServer

LEVEL = 5


@dataclass
class Answer:
    """A response, read."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Served:
    """A running server, what it was told, and a client of it."""

    port: int
    pairing: Pairing
    kept: list[Result] = field(default_factory=list)
    heard: list[object] = field(default_factory=list)

    def request(
        self, method: str, path: str, body: bytes | str | None = None, key: str | None = None
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            headers = {} if key is None else {"Authorization": f"Bearer {key}"}
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def pair(self) -> str:
        answer = self.request("POST", "/api/session", json.dumps({"token": self.pairing.token}))
        return str(answer.json["key"])


@contextmanager
def served(bundle: Path, photo: Path, page: Path) -> Iterator[Served]:
    """A server as the commands start it, on a page of one file."""
    job = Job(bundle=bundle, photo=photo, level=LEVEL)
    pairing = Pairing()
    with Session.open(bundle) as session:

        def accept(result: Result, stream: bytes) -> tuple[Result, str]:
            check(result, stream, session)
            state.kept.append(result)
            return result, "kept"

        desk = make_desk(job, session, "wasm", accept, mode="manual")
        desk.tell = lambda event: state.heard.append(event)
        with WebServer(make_app(page, desk, pairing), "127.0.0.1") as server:
            state = Served(server.port, pairing)
            yield state


def honest(session: Session, pixels: NDArray[np.uint8]) -> tuple[Result, bytes]:
    """A result as an honest page posts it, and its stream."""
    height, width = pixels.shape[:2]
    stream = encode(ArrayPixels(pixels), session, session.load("analysis", "onnx"), LEVEL)
    symbols = decoded_symbols(open_stream(stream, session))
    operation = Operation(latency_ns=(5,), phases={Phase.ENTROPY: PhaseSamples(samples_ns=((3,),))})
    run = Run(
        runtime="onnx-web-wasm",
        accelerator_requested="cpu",
        encode=operation,
        decode=operation,
        stream_bytes=len(stream),
        hashes=Hashes(
            emitted_symbols_sha256=symbols,
            decoded_symbols_sha256=symbols,
            stream_sha256=hashlib.sha256(stream).hexdigest(),
        ),
    )
    workload = Workload(
        image="photo.png",
        image_source="file",
        width=width,
        height=height,
        tiles=session.model.grid(width, height).tiles,
        level=LEVEL,
        pixels_sha256=pixels_sha256(pixels),
    )
    result = Result(
        provenance=Provenance.CLAIMED,
        tool=identity.tool(),
        device=identity.host(),
        bundle=identity.bundle(session.bundle),
        workload=workload,
        runs=(run,),
    )
    return result, stream
