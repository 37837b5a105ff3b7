"""A folder of conformance vectors, and the index that says which files are in it.

``index.txt``: ``pico-vectors 1``, ``set N``, one ``file SHA256 PATH`` a file, one ``vector NAME`` a
vector. A file that is missing, altered or not listed makes the whole set unusable, because a
verdict on it would be a verdict on something else.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pico_deploy.conformance.vector import STREAM_FILE, Vector, read_vector
from pico_deploy.errors import InputError

INDEX_FILE = "index.txt"
MODELS = "models"
_HEAD = "pico-vectors 1"
_LINE = re.compile(r"file ([0-9a-f]{64}) (\S+)|vector ([a-z0-9-]+)")


class VectorSetError(InputError):
    """The folder is not the vector set that its index lists; ``problems`` names every file."""

    code = "bad-vectors"
    problems: dict[str, str]

    def __init__(self, folder: Path, problems: dict[str, str]) -> None:
        self.problems = problems
        named = ", ".join(f"{path} {what}" for path, what in list(problems.items())[:4])
        more = f" and {len(problems) - 4} more" if len(problems) > 4 else ""
        super().__init__(
            f"{folder} is not the vector set that its {INDEX_FILE} lists: {named}{more}; "
            "restore it from the release it came with"
        )


@dataclass(frozen=True)
class VectorSet:
    """A checked set. ``version`` counts up whenever a vector is made anew."""

    folder: Path
    version: int
    index_sha256: str
    names: tuple[str, ...]

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Check every file against the index; raises ``VectorSetError``."""
        path = folder / INDEX_FILE
        try:
            data = path.read_bytes()
        except OSError as error:
            raise VectorSetError(folder, {INDEX_FILE: "missing"}) from error
        version, files, names = _parse(folder, data)
        problems = _problems(folder, files)
        if problems:
            raise VectorSetError(folder, problems)
        return cls(folder, version, hashlib.sha256(data).hexdigest(), names)

    def vector(self, name: str) -> Vector:
        """Description of one vector."""
        return read_vector(self.folder / name)

    def stream(self, vector: Vector) -> bytes:
        """The file to decode."""
        return (self.folder / vector.name / STREAM_FILE).read_bytes()

    def model(self, vector: Vector) -> bytes:
        """The ``entropy.bin`` to decode it with."""
        return (self.folder / MODELS / f"{vector.model}.bin").read_bytes()


def _parse(folder: Path, data: bytes) -> tuple[int, dict[str, str], tuple[str, ...]]:
    lines = data.decode("utf-8", "replace").splitlines()
    version = re.fullmatch(r"set (\d+)", lines[1]) if len(lines) > 1 else None
    matches = [_LINE.fullmatch(line) for line in lines[2:]]
    found = [match for match in matches if match]
    names = tuple(m[3] for m in found if m[3])
    if lines[:1] != [_HEAD] or version is None or len(found) < len(matches) or not names:
        raise VectorSetError(folder, {INDEX_FILE: "malformed"})
    return int(version[1]), {m[2]: m[1] for m in found if m[2]}, names


def _problems(folder: Path, listed: dict[str, str]) -> dict[str, str]:
    problems = {}
    for path, sha256 in listed.items():
        file = folder / path
        if not file.is_file():
            problems[path] = "missing"
        elif hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
            problems[path] = "altered"
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    problems |= dict.fromkeys(sorted(there - set(listed) - {INDEX_FILE}), "unlisted")
    return problems


def index_bytes(folder: Path, version: int, names: tuple[str, ...]) -> bytes:
    """The index of the files that lie in ``folder`` now."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != INDEX_FILE)
    lines = [_HEAD, f"set {version}"]
    lines += [
        f"file {hashlib.sha256(p.read_bytes()).hexdigest()} {p.relative_to(folder).as_posix()}"
        for p in paths
    ]
    lines += [f"vector {name}" for name in names]
    return ("\n".join(lines) + "\n").encode()
