"""A large file as parts of less than 16 MB, replaced together or not at all.

Parts carry a number of the generation in their names; the index, which names them and their
hashes, is renamed last. A run that is killed while it saves keeps the previous generation whole.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pico_deploy.errors import TrainingError
from pico_deploy.outputs import make_folder, write_bytes

PART_BYTES = 15_000_000


def write_parts(folder: Path, name: str, data: bytes, facts: dict[str, Any]) -> None:
    """Write ``data`` as ``name-GENERATION-i.part`` below ``folder``, and ``name.json`` with
    ``facts``; earlier parts go when that is done. Raises ``OutputError``.
    """
    make_folder(folder)
    generation = hashlib.sha256(data).hexdigest()[:12]
    parts = []
    for number, start in enumerate(range(0, max(1, len(data)), PART_BYTES)):
        piece = data[start : start + PART_BYTES]
        path = folder / f"{name}-{generation}-{number}.part"
        write_bytes(path, piece)
        parts.append({"file": path.name, "sha256": hashlib.sha256(piece).hexdigest()})
    index = json.dumps({"facts": facts, "parts": parts}, indent=1) + "\n"
    write_bytes(folder / f"{name}.json", index.encode())
    kept = {part["file"] for part in parts}
    for old in folder.glob(f"{name}-*.part"):
        if old.name not in kept:
            old.unlink()


def read_facts(folder: Path, name: str) -> dict[str, Any] | None:
    """The facts beside the parts, None when nothing was saved."""
    path = folder / f"{name}.json"
    if not path.is_file():
        return None
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))["facts"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path} is damaged ({error}); delete it to start anew") from error
    if not isinstance(facts, dict):
        raise TrainingError(f"{path} is damaged (no facts); delete it to start anew")
    return facts


def read_parts(folder: Path, name: str) -> bytes:
    """The data; raises ``TrainingError`` that names a part that is missing or damaged."""
    path = folder / f"{name}.json"
    try:
        parts = json.loads(path.read_text(encoding="utf-8"))["parts"]
        pieces = []
        for part in parts:
            piece = (folder / part["file"]).read_bytes()
            if hashlib.sha256(piece).hexdigest() != part["sha256"]:
                raise TrainingError(
                    f"{folder / part['file']} is damaged; restore it, or delete {path} to start "
                    "anew"
                )
            pieces.append(piece)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path} cannot be read ({error}); delete it to start anew") from error
    return b"".join(pieces)
