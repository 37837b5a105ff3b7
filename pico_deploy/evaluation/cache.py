"""What took long is computed once: results in one file, a JSON document a line, only ever added to.

The file may be carried to another folder or machine, and two evaluations may share it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pico_deploy.outputs import cannot_write


class Cache:
    """Small results, named by everything they depend on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, Any] | None = None

    def get(self, key: Mapping[str, Any]) -> Any:
        """The value of a key; None when it is not known. A damaged line counts as unknown."""
        return self._load().get(_digest(key))

    def put(self, key: Mapping[str, Any], value: Any) -> None:
        """Keep what JSON can hold; raises ``OutputError``."""
        line = json.dumps({"key": dict(key), "value": value}) + "\n"
        self._load()[_digest(key)] = value
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # One write of one line: two processes that append do not mix theirs.
            with self._path.open("ab", buffering=0) as file:
                file.write(line.encode())
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def _load(self) -> dict[str, Any]:
        if self._known is None:
            self._known = {}
            try:
                lines = self._path.read_bytes().splitlines()
            except OSError:
                lines = []
            for line in lines:
                try:
                    entry = json.loads(line)
                    self._known[_digest(entry["key"])] = entry["value"]
                except (ValueError, KeyError, TypeError):
                    continue
        return self._known


def _digest(key: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
