"""Results on disk: read with a message that helps, written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from pico_deploy.errors import InputError
from pico_deploy.measure.result import SCHEMA_VERSION, Result
from pico_deploy.outputs import write_bytes

MAX_RESULT_BYTES = 32 << 20
"""Results come from phones and browsers too: nothing larger is read."""


def dump(result: Result) -> str:
    """The canonical JSON text of a result."""
    return result.model_dump_json(indent=1) + "\n"


def save(result: Result, path: Path) -> None:
    """Write a result; raises ``OutputError``."""
    write_bytes(path, dump(result).encode())


def parse(text: bytes | str, source: str) -> Result:
    """A result from JSON text; raises ``InputError`` that names the first thing that is wrong."""
    if len(text) > MAX_RESULT_BYTES:
        raise InputError(f"{source} is larger than {MAX_RESULT_BYTES} bytes: not a result")
    try:
        data = json.loads(text)
    except ValueError as error:
        raise InputError(f"{source} is not JSON ({error}); expected a result of `bench`") from error
    if not isinstance(data, dict) or data.get("schema_name") != "pico-deploy/result":
        raise InputError(
            f"{source} is JSON but not a pico-deploy result; expected the output of `bench`"
        )
    version = data.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise InputError(
            f"{source} has result schema {version}, this version reads up to {SCHEMA_VERSION}; "
            "update pico-deploy"
        )
    try:
        return Result.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the result"
        raise InputError(
            f"{source}: {where}: {first['msg']} ({error.error_count()} in all)"
        ) from error


def load(path: Path) -> Result:
    """Read a result file; raises ``InputError``."""
    try:
        if path.stat().st_size > MAX_RESULT_BYTES:
            raise InputError(f"{path} is larger than {MAX_RESULT_BYTES} bytes: not a result")
        text = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    return parse(text, str(path))
