"""``pico-deploy bench``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pico_deploy.cli import options
from pico_deploy.cli.console import print_result, print_warnings
from pico_deploy.cli.steps import StepProgress
from pico_deploy.errors import BudgetError, UsageError


def bench(
    bundle: Annotated[Path, typer.Argument(help="Bundle: the folder or .zip.")],
    target: Annotated[str, typer.Option(help="Where to measure: host.")] = "host",
    photo: Annotated[
        Path | None,
        typer.Option(
            help="Photo to code; default: the demo's, or a synthetic 12 MP image.",
            show_default=False,
        ),
    ] = None,
    level: Annotated[int, typer.Option(min=0, help="Quality level.")] = 40,
    runtime: Annotated[
        list[str] | None,
        typer.Option(help="Only these runtimes; may be repeated.", show_default=False),
    ] = None,
    precision: options.PrecisionName = None,
    iterations: Annotated[int, typer.Option(min=1, help="Timed passes of each.")] = 5,
    warm_up: Annotated[int, typer.Option(min=1, help="Passes before, not timed.")] = 1,
    threads: options.Threads = 0,
    weights: options.Weights = None,
    codec: options.CodecClass = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the result JSON here.")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(help="Older result: show ratios with confidence intervals.")
    ] = None,
    budget: Annotated[
        Path | None,
        typer.Option(help="TOML with [budgets]; exit 12 unless all are kept on a device."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Measure encode and decode end to end, each runtime in a process of its own.

    Times run from pixels in memory to the file's bytes and back, read-back included. A result of
    this machine has the provenance "host": it is not a device measurement, and no budget is ever
    judged on it.
    """
    from pico_deploy.measure.budgets import all_kept, judge, load_budgets, require
    from pico_deploy.measure.compare import compare as compare_results
    from pico_deploy.measure.host import bench_host
    from pico_deploy.measure.protocol import Job
    from pico_deploy.measure.store import load, save
    from pico_deploy.measure.workload import demo_photo
    from pico_deploy.runtime import registry
    from pico_deploy.runtime.backend import parse_precision

    if target != "host":
        raise UsageError(f"no target is called {target!r}; choose host")
    budgets = None if budget is None else load_budgets(budget)
    older = None if compare is None else load(compare)
    job = Job(
        bundle=bundle,
        photo=photo or demo_photo(),
        level=level,
        precision=parse_precision(precision),
        iterations=iterations,
        warm_up_iterations=warm_up,
        threads=threads,
        weights=weights,
        codec=codec,
    )
    with StepProgress("bench", quiet=json) as progress:
        result = bench_host(job, runtime or registry.names(), progress.step)
    if output is not None:
        save(result, output)
    verdicts = [] if budgets is None else judge(result, budgets)
    comparison = None if older is None else compare_results(older, result)
    lines: list[str] = []
    if not json:
        from pico_deploy.cli.tables import print_tables, result_tables, verdict_table
        from pico_deploy.measure.figures import comparison_lines, headline

        print_tables(result_tables(result), headline(result))
        if verdicts:
            print_tables(iter([verdict_table(verdicts)]))
        lines = comparison_lines(comparison) if comparison else []
    data = {"result": result, "budgets": verdicts, "comparison": comparison}
    print_result(data, lines, json)
    print_warnings(result.notes)
    if budgets is not None:
        if json and not all_kept(verdicts):
            raise typer.Exit(BudgetError.exit_code)
        require(verdicts)
