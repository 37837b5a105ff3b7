"""The application on a socket, in a thread of its own."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pico_deploy.errors import UsageError
from targets.errors import TargetError

_START_S = 20.0


@dataclass(frozen=True)
class Certificate:
    """PEM files of a certificate and its key."""

    chain: Path
    key: Path


class WebServer:
    """Serves ``app`` (an ASGI application) until closed; a context manager."""

    def __init__(
        self, app: object, host: str, port: int = 0, certificate: Certificate | None = None
    ) -> None:
        import uvicorn

        self._socket = _listen(host, port)
        self.port: int = self._socket.getsockname()[1]
        self.scheme = "http" if certificate is None else "https"
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,  # type: ignore[arg-type]
                log_level="critical",
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=2,
                ssl_certfile=None if certificate is None else certificate.chain,
                ssl_keyfile=None if certificate is None else str(certificate.key),
            )
        )
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        deadline = time.monotonic() + _START_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise TargetError("the server for the page did not start; try again")
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    def url(self, host: str, token: str) -> str:
        """The link that pairs one page."""
        shown = f"[{host}]" if ":" in host else host
        return f"{self.scheme}://{shown}:{self.port}/#token={token}"


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise UsageError(
            f"cannot listen on {host} port {port} ({error.strerror or error}); "
            "choose another with --host and --port"
        ) from error


def lan_address() -> str:
    """This machine's address as others in its network see it; 127.0.0.1 without a network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # sends nothing: it only chooses the way out
        return str(probe.getsockname()[0])
    return "127.0.0.1"
