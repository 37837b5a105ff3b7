"""The codec of the page, in headless Chromium on this machine, as a participant of ``verify``:
analysis and synthesis on onnxruntime-web, its own core in WebAssembly around them.
"""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np

from pico_deploy import _core
from pico_deploy.conformance.participants import DecodedPicture, Symbols
from pico_deploy.conformance.pixels import Pixels
from pico_deploy.conformance.symbols import TileSymbols
from pico_deploy.errors import BundleError, MissingDependencyError, VerificationError
from pico_deploy.measure.result import Failure, Result
from pico_deploy.runtime.backend import ArithmeticName, BackendOptions
from pico_deploy.runtime.session import Session
from targets.web.app import make_app
from targets.web.built_page import page_folder
from targets.web.chromium import Chromium, find_chromium
from targets.web.desk import bundle_reader
from targets.web.job import Desk, PageJob, PictureInfo, Provider
from targets.web.pairing import Pairing
from targets.web.server import WebServer
from targets.web.tasks import Answer, Ready, TaskBoard
from targets.web.waiting import next_event


class BrowserCodec:
    """A browser with the page and a bundle open in it, until it is closed.

    Raises ``MissingDependencyError`` without Chromium or a built page, ``BundleError`` for a bundle
    that the page cannot open. Later: ``VerificationError`` for what the page says went wrong and
    for answers that cannot be right, ``DisconnectedError``, ``TargetTimeoutError``.
    """

    runtime = "onnx-web"
    precision: ArithmeticName = "fp32"

    def __init__(self, session: Session, options: BackendOptions, provider: Provider) -> None:
        self._session = session
        self._board = TaskBoard()
        page = page_folder()
        find_chromium()
        job = PageJob(
            bundle=session.bundle.path.name,
            mode="tasks",
            provider=provider,
            threads=options.threads,
        )
        desk = Desk(job, bundle_reader(session), None, _no_result, self._board.heard.put)
        pairing = Pairing()
        with ExitStack() as stack:
            app = make_app(page, desk, pairing, self._board)
            server = stack.enter_context(WebServer(app, "127.0.0.1"))
            self._browser = stack.enter_context(Chromium(server.url("127.0.0.1", pairing.token)))
            self._start()
            self._stack = stack.pop_all()

    @property
    def name(self) -> str:
        """``runtime/precision``."""
        return f"{self.runtime}/{self.precision}"

    def encode(self, pixels: Pixels, level: int) -> tuple[bytes, Symbols]:
        """The page's stream of a picture, and the symbols that its analysis emitted."""
        height, width = pixels.shape[:2]
        picture = PictureInfo(name="picture", source="file", width=width, height=height)
        self._board.encode(picture, np.ascontiguousarray(pixels).tobytes(), level)
        answer = self._answer()
        return answer.output, self._symbols(answer.symbols, width, height)

    def decode(self, stream: bytes) -> DecodedPicture:
        """The page's picture of a stream, and the symbols that its core decoded."""
        self._board.decode(stream)
        answer = self._answer()
        image = _core.parse(stream)
        shape = (image.height, image.width, 3)
        if len(answer.output) != np.prod(shape):
            raise VerificationError(
                f"{self.name} gives {len(answer.output)} bytes of pixels for a picture of "
                f"{image.width}×{image.height}"
            )
        pixels = np.frombuffer(answer.output, np.uint8).reshape(shape)
        return DecodedPicture(pixels, self._symbols(answer.symbols, image.width, image.height))

    def close(self) -> None:
        """Stop the browser and the server."""
        self._stack.close()

    def _start(self) -> None:
        said = self._next()
        if isinstance(said, Failure):
            kind = MissingDependencyError if said.code == "missing-dependency" else BundleError
            raise kind(f"{self._session.bundle.path} does not open in the browser: {said.message}")
        if not isinstance(said, Ready):
            raise VerificationError(f"{self.name} answered before it was asked")

    def _answer(self) -> Answer:
        said = self._next()
        if isinstance(said, Failure):
            raise VerificationError(f"{self.name}: the page failed ({said.code}): {said.message}")
        assert isinstance(said, Answer)  # the board takes no second answer, and one Ready
        return said

    def _next(self) -> Ready | Answer | Failure:
        while True:
            said = next_event(self._board.heard, self._browser, "try a smaller picture")
            if isinstance(said, Ready | Answer | Failure):
                return said

    def _symbols(self, data: bytes, width: int, height: int) -> Symbols:
        model = self._session.model
        tiles = model.grid(width, height).tiles
        z_shape = (model.z_channels, model.z_side, model.z_side)
        y_shape = (model.y_channels, model.y_side, model.y_side)
        z_size, y_size = int(np.prod(z_shape)), int(np.prod(y_shape))
        if len(data) != tiles * (z_size + y_size):
            raise VerificationError(
                f"{self.name} gives {len(data)} symbols; {tiles} tiles have "
                f"{tiles * (z_size + y_size)}"
            )
        rows = np.frombuffer(data, np.int8).reshape(tiles, z_size + y_size)
        return {
            tile: TileSymbols.of(row[:z_size].reshape(z_shape), row[z_size:].reshape(y_shape))
            for tile, row in enumerate(rows)
        }


def _no_result(result: Result, stream: bytes) -> tuple[Result, str]:
    raise VerificationError("the page was asked for no measurement")
