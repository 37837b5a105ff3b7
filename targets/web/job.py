"""What a page is asked to do, and what it hands back, as the server keeps it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from pico_deploy.measure.result import Failure, Result
from pico_deploy.measure.workload import Picture

Provider = Literal["auto", "webgpu", "wasm"]
Mode = Literal["manual", "bench", "tasks"]


class Message(BaseModel):
    """What goes between page and server: nothing more than its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PictureInfo(Message):
    """The picture that ``api/picture`` sends: 8-bit RGB, row by row."""

    name: str
    source: Literal["file", "synthetic"]
    width: int
    height: int


class PageJob(Message):
    """``api/job``. ``mode``: the page waits for a person; it measures at once and hands the result
    in; or it asks for one task after the other (``targets/web/tasks.py``), where level and
    iterations do not matter.
    """

    bundle: str
    mode: Mode
    provider: Provider
    threads: int
    level: int = 0
    iterations: int = 1
    warm_up_iterations: int = 1
    picture: PictureInfo | None = None


class PageProgress(Message):
    """``api/progress``."""

    done: Annotated[int, Field(ge=0)]
    total: Annotated[int, Field(ge=0)]
    what: Annotated[str, Field(max_length=200)]


class PageFailure(Message):
    """``api/failure``: why there is no result."""

    code: Annotated[str, Field(max_length=100)]
    message: Annotated[str, Field(max_length=2000)]


Event = PageProgress | Failure | Result


@dataclass
class Desk:
    """What the server gives out and takes in.

    ``accept(result, stream)`` checks a result and gives the name under which it is kept; what it
    raises is told to the page. ``tell`` hears progress, failures and accepted results, from the
    server's thread; ``paired`` that a link was opened.
    """

    job: PageJob
    read_bundle: Callable[[str], bytes | None]
    picture: Picture | None
    accept: Callable[[Result, bytes], tuple[Result, str]]
    tell: Callable[[Event], None] = lambda event: None
    paired: Callable[[], None] = lambda: None
    streams: dict[str, bytes] = field(default_factory=dict)
