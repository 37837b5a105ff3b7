"""What the bench and its worker processes say to each other: one JSON object a line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from pico_deploy.bundle.manifest import Precision
from pico_deploy.measure.result import BundleIdentity, Run, Tool, Workload


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Job(_Message):
    """What to measure. ``photo`` None: the synthetic image. ``threads`` 0: the runtime's choice."""

    bundle: Path
    precision: Precision | None = None
    photo: Path | None = None
    level: int
    iterations: Annotated[int, Field(ge=1)] = 5
    warm_up_iterations: Annotated[int, Field(ge=1)] = 1
    warm_loads: Annotated[int, Field(ge=0)] = 3
    threads: Annotated[int, Field(ge=0)] = 0
    weights: Path | None = None
    codec: str | None = None


class Request(Job):
    """A job on one runtime."""

    runtime: str


class Progress(_Message):
    """So far: ``done`` of ``total`` passes over the image, and what runs now."""

    kind: Literal["progress"] = "progress"
    done: int
    total: int
    doing: str


class Identity(_Message):
    """What is measured, known before the measurement."""

    kind: Literal["identity"] = "identity"
    tool: Tool
    bundle: BundleIdentity
    workload: Workload


class Finished(_Message):
    """The run, or its failure."""

    kind: Literal["finished"] = "finished"
    run: Run


Message = Annotated[Progress | Identity | Finished, Field(discriminator="kind")]
MESSAGES: TypeAdapter[Progress | Identity | Finished] = TypeAdapter(Message)
