"""``pico-deploy serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def serve(
    bundle: Annotated[Path, typer.Argument(help="Bundle: the folder or .zip.")],
    photo: Annotated[
        Path | None,
        typer.Option(
            help="Photo to offer; default: the demo's, or a synthetic 12 MP image.",
            show_default=False,
        ),
    ] = None,
    level: Annotated[int, typer.Option(min=0, help="Quality level to begin with.")] = 40,
    iterations: Annotated[int, typer.Option(min=1, help="Timed passes of each.")] = 5,
    warm_up: Annotated[int, typer.Option(min=1, help="Passes before, not timed.")] = 1,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the results that come back.")
    ] = Path("out/web"),
    host: Annotated[
        str | None,
        typer.Option(help="Address that devices open.", show_default="this machine's"),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 0,
    http: Annotated[
        bool,
        typer.Option("--http", help="No encryption: no certificate warning, but one thread only."),
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="End after the first result.")] = False,
) -> None:
    """Show a link and a QR code that open the page on a phone in the same network.

    A link opens on one device; then the next one is shown. Results that come back are checked and
    written to the folder. Ends with Ctrl-C.
    """
    from pico_deploy.cli.console import human_bytes, human_ms
    from pico_deploy.measure.protocol import Job
    from pico_deploy.measure.result import Failure
    from pico_deploy.measure.statistics import summarise
    from pico_deploy.measure.workload import demo_photo
    from targets.web.job import PageProgress
    from targets.web.serve import Heard, Link, Offer, Stored
    from targets.web.serve import serve as serve_page

    def hear(event: Heard) -> None:
        if isinstance(event, Link):
            typer.echo(f"\nOpen on one device in this network:\n\n  {event.url}\n\n{event.qr}")
            if not http:
                typer.echo("It will warn of the certificate, which was made for this run: go on.")
        elif isinstance(event, PageProgress):
            typer.echo(f"  {event.done}/{event.total} {event.what}", err=True)
        elif isinstance(event, Failure):
            typer.echo(f"  the page failed ({event.code}): {event.message}", err=True)
        elif isinstance(event, Stored):
            run = event.result.runs[0]
            times = [
                f"{name} {human_ms(round(summarise(operation.latency_ns).p50_ns))}"
                for name, operation in (("encode", run.encode), ("decode", run.decode))
                if operation is not None
            ]
            size = human_bytes(run.stream_bytes or 0)
            typer.echo(f"{event.path}: {event.result.device.model}, {', '.join(times)}, {size}")

    job = Job(
        bundle=bundle,
        photo=photo or demo_photo(),
        level=level,
        iterations=iterations,
        warm_up_iterations=warm_up,
    )
    serve_page(job, Offer(output, host, port, http, once), hear)
