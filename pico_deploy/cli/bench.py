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
    target: Annotated[str, typer.Option(help="Where to measure: see `devices`.")] = "host",
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
    program: Annotated[
        Path | None,
        typer.Option(help="A pico_bench built for the target, instead of building one."),
    ] = None,
    vectors: Annotated[
        Path | None, typer.Option(help="Conformance vectors to judge on the target, too.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the result JSON here.")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(help="Older result: show ratios with confidence intervals.")
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            help="A profile's name, or TOML with [budgets]; exit 12 unless a device keeps all."
        ),
    ] = None,
    max_slowdown: Annotated[
        float | None,
        typer.Option(min=1, help="With --compare: exit 16 if a figure is slower by this factor."),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(help="Write the verdicts on the budgets here, as JUnit XML.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be sent and run, and do nothing.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Measure encode and decode, from pixels in memory to the file's bytes and back.

    Read-back is included. Only a result whose device was positively identified is judged against a
    budget; of any other it is said that it is not a device measurement.
    """
    from pico_deploy.measure.budgets import all_kept, require
    from pico_deploy.measure.caveats import caveats, require_conformance
    from pico_deploy.measure.compare import compare as compare_results
    from pico_deploy.measure.compare import require_no_regression
    from pico_deploy.measure.junit import junit as junit_xml
    from pico_deploy.measure.protocol import Job
    from pico_deploy.measure.store import load, save
    from pico_deploy.measure.workload import demo_photo
    from pico_deploy.outputs import require_writable, write_bytes
    from pico_deploy.runtime import registry as runtimes
    from pico_deploy.runtime.backend import parse_precision
    from targets import registry as targets
    from targets.verdicts import find

    if max_slowdown is not None and compare is None:
        raise UsageError("--max-slowdown needs a result to --compare with")
    if junit is not None and budget is None:
        raise UsageError("--junit writes the verdicts on budgets; give a --budget too")
    if not dry_run:
        require_writable(output, junit)
    limits = None if budget is None else find(budget)
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
    with StepProgress("bench", quiet=json or dry_run) as progress:
        request = targets.Request(
            job,
            runtime or runtimes.names(),
            program=program,
            vectors=vectors,
            progress=progress.step,
        )
        if dry_run:
            steps = targets.plan(target, request)
            print_result({"target": target, "plan": steps}, steps, json)
            return
        result = targets.bench(target, request)
    if output is not None:
        save(result, output)
    verdicts = [] if limits is None else limits.judge(result)
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
    print_warnings((*result.notes, *caveats(result)))
    require_conformance(result)
    if comparison is not None and max_slowdown is not None:
        require_no_regression(comparison, max_slowdown)
    if junit is not None:
        write_bytes(junit, junit_xml(result, verdicts))
    if limits is not None:
        if json and not all_kept(verdicts):
            raise typer.Exit(BudgetError.exit_code)
        require(verdicts)
