"""The target ``host``: the runtimes of this machine."""

from __future__ import annotations

from pico_deploy.errors import UsageError
from pico_deploy.measure.host import bench_host
from pico_deploy.measure.result import Result
from targets.registry import Request


def bench(address: str, request: Request) -> Result:
    """Measure every runtime here; raises what ``bench_host`` raises."""
    _no_argument(address)
    if request.vectors is not None:
        raise UsageError("on this machine `pico-deploy verify --vectors` judges vectors")
    return bench_host(request.job, request.runtimes, request.progress)


def plan(address: str, request: Request) -> list[str]:
    """Nothing is sent; a process for each runtime."""
    _no_argument(address)
    photo = request.job.photo or "the synthetic image"
    return [
        f"run here: {runtime} on {photo} at level {request.job.level}, "
        f"{request.job.iterations} iterations after {request.job.warm_up_iterations} warm-up"
        for runtime in request.runtimes
    ]


def _no_argument(address: str) -> None:
    if address != "host":
        raise UsageError(f"target host takes no argument; found {address}")
