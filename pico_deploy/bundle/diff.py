"""What differs between two bundles, from their manifests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pico_deploy.bundle.manifest import Manifest
from pico_deploy.bundle.read import Bundle


@dataclass(frozen=True)
class FieldChange:
    """A statement of the manifest that differs; None where a side does not make it."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class FileChange:
    """A file that differs; a size is None where the file is missing."""

    path: str
    before_bytes: int | None
    after_bytes: int | None


@dataclass(frozen=True)
class BundleDiff:
    """All differences. ``streams_compatible``: a stream of one decodes to the same symbols with the
    other.

    ``pixels_compatible``: and was made for the same synthesis weights.
    """

    streams_compatible: bool
    pixels_compatible: bool
    fields: tuple[FieldChange, ...]
    files: tuple[FileChange, ...]

    @property
    def equal(self) -> bool:
        """Whether the bundles are the same, byte for byte."""
        return not (self.fields or self.files)


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    if isinstance(value, dict) and value:
        items = value.items()
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        items = {_label(item, i): item for i, item in enumerate(value)}.items()
    else:
        return {name: value}
    flat = {}
    for key, item in items:
        flat.update(_flat(item, f"{name}.{key}" if name else str(key)))
    return flat


def _label(item: dict[str, Any], index: int) -> str:
    if "runtime" in item:
        return f"{item['runtime']}/{item['part']}/{item['precision']}"
    return str(item.get("role", index))


def _fields(manifest: Manifest) -> dict[str, Any]:
    return _flat(manifest.model_dump(mode="json", exclude={"files"}))


def diff(before: Bundle, after: Bundle) -> BundleDiff:
    """Compare two bundles."""
    old, new = before.manifest, after.manifest
    old_fields, new_fields = _fields(old), _fields(new)
    fields = tuple(
        FieldChange(name, old_fields.get(name), new_fields.get(name))
        for name in sorted(old_fields.keys() | new_fields.keys())
        if old_fields.get(name) != new_fields.get(name)
    )
    files = []
    for path in sorted(old.files.keys() | new.files.keys()):
        a, b = old.files.get(path), new.files.get(path)
        if a != b:
            files.append(FileChange(path, a.size if a else None, b.size if b else None))
    streams = old.entropy_fingerprint == new.entropy_fingerprint
    pixels = streams and old.pixel_fingerprint == new.pixel_fingerprint
    return BundleDiff(streams, pixels, fields, tuple(files))
