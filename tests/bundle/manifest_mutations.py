"""Hostile manifests: changes to the tree of a sound one, and what must hold for any bytes."""

from __future__ import annotations

import copy
import json
import math
import random
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import ValidationError

from pico_deploy.bundle.manifest import Manifest, from_json, to_json

SEED_MANIFEST = Path(__file__).resolve().parents[2] / "conformance/model/bundle/manifest.json"
CORPUS = Path(__file__).resolve().with_name("manifest_corpus.zip")
HOSTILE: tuple[Any, ...] = (
    *(None, True, False, "", [], {}, 0, -1, 1.5, 2**31, 2**63, 2**70, 10**400),
    *(math.nan, math.inf, -math.inf, 1e308, 5e-324, -0.0),
    *("..", "../x", "/etc/passwd", "a//b", "a\0b", "ä", "\ud800", "a" * 300, "manifest.json"),
    *("0" * 64, "entropy.bin", [[]], {"": {}}, [None] * 40),
)


def unpack_corpus(folder: Path) -> list[Path]:
    """The inputs of the corpus in the tree, as files."""
    with zipfile.ZipFile(CORPUS) as archive:
        archive.extractall(folder)
        return [folder / name for name in archive.namelist()]


def mutate(data: bytes, source: random.Random) -> bytes:
    """A few nodes of the tree replaced, removed, doubled or swapped; at times a few bytes."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        document = json.loads(SEED_MANIFEST.read_bytes())
    for _ in range(source.choice((1, 1, 1, 2, 5))):
        _change_one(document, source)
    text = json.dumps(document, ensure_ascii=source.random() < 0.9).encode("utf-8", "surrogatepass")
    if source.random() < 0.1:
        changed = bytearray(text)
        for _ in range(source.randint(1, 8)):
            changed[source.randrange(len(changed))] = source.randrange(256)
        text = bytes(changed)[: source.choice((len(text), source.randrange(len(text) + 1)))]
    return text


def _change_one(document: Any, source: random.Random) -> None:
    places = list(_places(document))
    if not places:
        return
    parent, key = source.choice(places)
    action = source.randrange(5)
    if action == 0:
        del parent[key]
    elif action == 1:
        other, name = source.choice(places)
        parent[key] = copy.deepcopy(other[name])
    elif action == 2 and isinstance(parent, list):
        parent.insert(key, copy.deepcopy(parent[key]))
    elif action == 3 and isinstance(parent, dict):
        parent[source.choice(("extra", "../x", "", str(key) + " "))] = parent.pop(key)
    else:
        parent[key] = copy.deepcopy(source.choice(HOSTILE))


def _places(node: Any) -> Any:
    if isinstance(node, dict | list):
        for key in node if isinstance(node, dict) else range(len(node)):
            yield node, key
            yield from _places(node[key])


def require_sound_or_refused(data: bytes) -> bool:
    """Whether these bytes are a manifest. If they are, nothing in it is hostile, and it comes back
    from its canonical bytes; if they are not, the error is the documented one.
    """
    try:
        manifest = from_json(data)
    except ValidationError:
        return False
    canonical = to_json(manifest)
    assert from_json(canonical) == manifest and to_json(from_json(canonical)) == canonical
    _require_no_hostile_value(manifest)
    return True


def _require_no_hostile_value(manifest: Manifest) -> None:
    for row in manifest.anchor_table:
        assert all(math.isfinite(weight) for weight in row), row
    for path in (*manifest.files, *(artefact.path for artefact in manifest.artefacts)):
        pure = PurePosixPath(path)
        assert not pure.is_absolute() and ".." not in pure.parts and "\0" not in path, path
    for tensor in (t for a in manifest.artefacts for t in (*a.inputs, *a.outputs)):
        assert all(0 < side < 2**31 for side in tensor.shape), tensor
        if tensor.quantisation is not None:
            assert math.isfinite(tensor.quantisation.scale)
