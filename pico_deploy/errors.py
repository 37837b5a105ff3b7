"""Every error a user can meet: a stable code, a documented exit code, one line that helps.

The message of a ``PicoError`` says what was found, what was expected and what to try.
``docs/errors.md`` lists the codes; scripts may rely on ``code`` and ``exit_code``, never on the
wording.
"""

from __future__ import annotations

import sys
from collections.abc import Callable


def last_line(text: str, otherwise: str = "it said nothing") -> str:
    """Return the last line of what a program wrote, or ``otherwise``: its words, for a message."""
    lines = text.strip().splitlines()
    return lines[-1] if lines else otherwise


class PicoError(Exception):
    """Base of all errors this project raises on purpose."""

    code = "error"
    exit_code = 1


def run_script(main: Callable[[], object]) -> None:
    """Run the body of a script; an error ends it with one line on stderr and its exit code."""
    try:
        main()
    except PicoError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)


class UsageError(PicoError):
    """An argument or option cannot be used as given."""

    code = "usage"
    exit_code = 2


class InputError(PicoError):
    """A photo, folder or other source cannot be read as what it claims to be."""

    code = "bad-input"
    exit_code = 3


class StreamError(PicoError):
    """A ``.pico`` stream is damaged, truncated, of another version or over a limit."""

    code = "bad-stream"
    exit_code = 4


class ModelMismatchError(PicoError):
    """A stream was made with another model than the bundle holds."""

    code = "wrong-model"
    exit_code = 5


class BundleError(PicoError):
    """A bundle is incomplete, altered, or of an unknown schema."""

    code = "bad-bundle"
    exit_code = 6


class CheckpointError(PicoError):
    """A checkpoint is unsafe, unreadable, of the wrong shape, or holds NaN."""

    code = "bad-checkpoint"
    exit_code = 7


class ConversionError(PicoError):
    """A converter could not produce an artefact, or the artefact failed a gate."""

    code = "conversion-failed"
    exit_code = 8


class OutputError(PicoError):
    """A result cannot be written where it was asked for."""

    code = "cannot-write"
    exit_code = 9


class MissingDependencyError(PicoError):
    """An optional package, tool or runtime is not installed."""

    code = "missing-dependency"
    exit_code = 10


class VerificationError(PicoError):
    """A conformance or integrity check found a difference."""

    code = "verification-failed"
    exit_code = 11


class BudgetError(PicoError):
    """A measured figure is over its budget, or may not be judged at all."""

    code = "over-budget"
    exit_code = 12


class TrainingError(PicoError):
    """Training cannot start or go on (no data, another configuration, a loss that is not
    finite)."""

    code = "training-failed"
    exit_code = 13


class ConcealedError(PicoError):
    """A damaged stream was decoded as asked, with grey tiles where its streams are lost."""

    code = "concealed"
    exit_code = 14


class RegressionError(PicoError):
    """A figure got slower than it was, by more than was allowed."""

    code = "regressed"
    exit_code = 16
