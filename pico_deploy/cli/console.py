"""Printing: results for people or as JSON on stdout, everything else on stderr."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import typer

from pico_deploy.errors import PicoError


def as_data(value: Any) -> Any:
    """A result as what JSON can hold: dataclasses and pydantic models as objects, bytes as
    hexadecimal.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: as_data(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(k): as_data(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [as_data(v) for v in value]
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, Path) else value


def print_result(result: Any, lines: Iterable[str], as_json: bool) -> None:
    """Print a result: its data as one JSON document, or lines for people."""
    if as_json:
        typer.echo(json.dumps(as_data(result), indent=1))
    else:
        for line in lines:
            typer.echo(line)


def print_warnings(warnings: Iterable[str]) -> None:
    """Print each warning on its own line of stderr."""
    for warning in warnings:
        typer.echo(f"warning: {warning}", err=True)


def print_error(error: PicoError, as_json: bool) -> None:
    """Print an error as one line on stderr, or as a JSON document on stdout."""
    message = " ".join(str(error).split())
    if not as_json:
        typer.echo(f"error: {message}", err=True)
        return
    data = {"code": error.code, "exit_code": error.exit_code, "message": message}
    for name in ("status", "stream", "tiles"):
        value = getattr(error, name, None)
        if value not in (None, "", ()):
            data[name] = value
    typer.echo(json.dumps({"error": data}))


def human_bytes(size: int) -> str:
    """A size as people read it: 812 bytes, 34.1 kB, 7.25 MB."""
    if size < 1000:
        return f"{size} bytes"
    return f"{size / 1e3:.1f} kB" if size < 1_000_000 else f"{size / 1e6:.2f} MB"


def human_ms(nanoseconds: int) -> str:
    """A duration in milliseconds."""
    return f"{nanoseconds / 1e6:.0f} ms"
