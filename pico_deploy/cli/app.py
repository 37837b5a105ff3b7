"""``pico-deploy``: the entry point, and where errors become one line and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any, cast

import typer
from typer.core import TyperCommand, TyperGroup

from pico_deploy import __version__
from pico_deploy.cli.commands import COMMANDS, load_command
from pico_deploy.cli.console import print_error
from pico_deploy.errors import MissingDependencyError, PicoError, UsageError

INTERRUPTED = 130
# Typer carries its own click, whose names are private; this is the base of all errors of usage.
_TyperUsageError = cast(type[typer.BadParameter], typer.BadParameter.__bases__[0])
_OURS = ("pico_deploy", "converters", "targets")


class LazyGroup(TyperGroup):
    """Lists commands from the table and imports one only to run it or to show its own help."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {name: TyperCommand(name, help=text) for name, text in COMMANDS.items()}

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import the command."""
        return load_command(cmd_name) if cmd_name in self.commands else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List names and one line each, without an import."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


app = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pico-deploy {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """Deploy learned image codecs: convert, run, verify, measure.

    Every command has --help; those that print results have --json. Exit codes: docs/errors.md.
    """


def _missing(error: ModuleNotFoundError) -> MissingDependencyError:
    return MissingDependencyError(
        f"the Python package {error.name} is not installed; "
        "`pico-deploy doctor` says which extra brings it"
    )


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; errors are printed."""
    # Read before parsing, because an error of parsing must come out as data too.
    as_json = "--json" in arguments
    try:
        code = app(list(arguments), standalone_mode=False, prog_name="pico-deploy")
        return code if isinstance(code, int) else 0
    except PicoError as error:
        failure = error
    except _TyperUsageError as error:
        failure = UsageError(f"{error.format_message()} (see pico-deploy --help)")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] in _OURS:
            raise
        failure = _missing(error)
    except (KeyboardInterrupt, typer.Abort):
        typer.echo("interrupted", err=True)
        return INTERRUPTED
    print_error(failure, as_json)
    return failure.exit_code


def main() -> None:
    """Entry point of the console script."""
    sys.exit(run(sys.argv[1:]))
