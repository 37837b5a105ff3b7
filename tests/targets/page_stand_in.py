"""A page that codes without a browser: it pairs, asks for tasks and answers them over HTTP, with
the codec of this machine and the fault that a test chooses.
"""

from __future__ import annotations

import http.client
import json
import threading
import urllib.parse
from pathlib import Path
from typing import Any, Self

import numpy as np

from pico_deploy.conformance.participants import PartDecoder, PartEncoder, Symbols
from pico_deploy.conformance.variants import Variant
from pico_deploy.runtime.session import Session


class StandInPage:
    """In place of ``Chromium``: starts with an address, ends with its server."""

    bundle: Path
    fault = ""

    def __init__(self, url: str) -> None:
        address = urllib.parse.urlsplit(url)
        self.exit_code: int | None = None
        self._place = (address.hostname or "", address.port or 0)
        self._key = self._json("POST", "/api/session", {"token": address.fragment[6:]})["key"]
        self._thread = threading.Thread(target=self._work, daemon=True)

    def last_words(self) -> str:
        return "out of memory"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.exit_code = 0
        self._thread.join()

    def _request(self, method: str, path: str, body: bytes | None = None) -> bytes:
        connection = http.client.HTTPConnection(*self._place, timeout=20)
        headers = {"Authorization": f"Bearer {getattr(self, '_key', '')}"}
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        assert response.status in (200, 204), data
        return data

    def _json(self, method: str, path: str, body: object = None) -> Any:
        return json.loads(
            self._request(method, path, None if body is None else json.dumps(body).encode())
            or "null"
        )

    def _work(self) -> None:
        assert self._json("GET", "/api/job")["mode"] == "tasks"
        if self.fault == "does not open":
            self._json("POST", "/api/failure", {"code": "bad-bundle", "message": "no such layer"})
            return
        with Session.open(self.bundle) as session:
            while self.exit_code is None:
                task = self._json("GET", "/api/task")
                if task is None:
                    continue
                if self.fault == "dies":
                    self.exit_code = 3
                    return
                self._do(session, task, f"/api/task/{task['number']}/")

    def _do(self, session: Session, task: dict[str, Any], place: str) -> None:
        data = self._request("GET", place + "input")
        if self.fault == "fails":
            self._json("POST", place + "failure", {"code": "error", "message": "out of memory"})
            return
        if task["operation"] == "encode":
            size = task["picture"]
            pixels = np.frombuffer(data, np.uint8).reshape(size["height"], size["width"], 3)
            encoder = PartEncoder(session, _variant(session, "analysis"))
            output, symbols = encoder.encode(pixels, task["level"])
        else:
            decoder = PartDecoder(session, _variant(session, "synthesis"))
            decoded = decoder.decode(data)
            output, symbols = self._pixels(decoded.pixels), decoded.symbols
        self._request("POST", place + "symbols", self._symbols(symbols, task["operation"]))
        self._request("POST", place + "output", output)

    def _symbols(self, symbols: Symbols, operation: str) -> bytes:
        arrays = [a for _, tile in sorted(symbols.items()) for a in (tile.z.copy(), tile.y.copy())]
        if self.fault == f"alters a symbol: {operation}":
            arrays[1].flat[0] += 1
        data = b"".join(array.tobytes() for array in arrays)
        return data[:-1] if self.fault == "loses a symbol" else data

    def _pixels(self, pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
        if self.fault == "brightens":
            pixels = np.where(pixels < 250, pixels + 5, pixels).astype(np.uint8)
        data = pixels.tobytes()
        return data[:-3] if self.fault == "loses a pixel" else data


def _variant(session: Session, part: Any) -> Variant:
    return Variant("onnx", "fp32", session.load(part, "onnx", "fp32"))
