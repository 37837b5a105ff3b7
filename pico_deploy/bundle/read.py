"""Reading a bundle: every file is there, no other is, and every byte is the one that was sealed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from pico_deploy.bundle.archive import FolderArchive, ZipArchive, open_archive
from pico_deploy.bundle.fingerprint import entropy_fingerprint
from pico_deploy.bundle.manifest import (
    ENTROPY_NAME,
    MANIFEST_NAME,
    SCHEMA_VERSION,
    Artefact,
    Manifest,
    PartName,
    Precision,
    from_json,
)
from pico_deploy.errors import BundleError

MANIFEST_LIMIT_BYTES = 16 << 20
# What a host CPU runs best first.
_PREFERENCE: tuple[Precision, ...] = ("fp32", "fp16", "int8")


class Bundle:
    """An open bundle, a context manager. ``read`` gives only bytes whose hash is the manifest's."""

    def __init__(self, path: Path, archive: FolderArchive | ZipArchive, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest
        self._archive = archive

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the zip; reading afterwards is an error."""
        self._archive.__exit__()

    @property
    def size(self) -> int:
        """Bytes of all listed files."""
        return sum(entry.size for entry in self.manifest.files.values())

    def read(self, name: str) -> bytes:
        """Bytes of a listed file; raises ``BundleError`` when they are not the sealed ones."""
        entry = self.manifest.files.get(name)
        if entry is None:
            raise BundleError(f"{self.path}: holds no {name}; it has {sorted(self.manifest.files)}")
        try:
            data = self._archive.read(name, entry.size)
        except OSError as error:
            raise BundleError(f"{self.path}: cannot read {name} ({error.strerror})") from error
        if len(data) != entry.size or hashlib.sha256(data).hexdigest() != entry.sha256:
            raise BundleError(
                f"{self.path}: {name} was altered (its SHA-256 is not the manifest's); "
                "copy or convert the bundle again"
            )
        return data

    def entropy_bin(self) -> bytes:
        """The integer entropy model."""
        return self.read(ENTROPY_NAME)

    def artefact(
        self, runtime: str, part: PartName, precision: Precision | None = None
    ) -> Artefact:
        """The artefact of a runtime and part; without ``precision`` the most exact one.

        Raises ``BundleError`` with what the bundle does hold.
        """
        wanted = (precision,) if precision else _PREFERENCE
        for choice in wanted:
            for artefact in self.manifest.artefacts:
                if (artefact.runtime, artefact.part, artefact.precision) == (runtime, part, choice):
                    return artefact
        held = ", ".join(a.key for a in self.manifest.artefacts) or "no artefact"
        raise BundleError(
            f"{self.path}: no {part} for {runtime} in {' or '.join(wanted)}; it holds {held}"
        )

    def verify(self) -> None:
        """Compare the list of files, every size and every hash with the manifest."""
        found = self._archive.sizes()
        found.pop(MANIFEST_NAME, None)
        listed = self.manifest.files
        for name in sorted(listed.keys() - found.keys()):
            raise BundleError(f"{self.path}: {name} is missing; copy or convert the bundle again")
        for name in sorted(found.keys() - listed.keys()):
            raise BundleError(
                f"{self.path}: {name} is not in the manifest; remove it or convert the bundle again"
            )
        for name in sorted(listed):
            self.read(name)
        if entropy_fingerprint(self.entropy_bin()).hex() != self.manifest.entropy_fingerprint:
            raise BundleError(
                f"{self.path}: the manifest's entropy fingerprint is not that of {ENTROPY_NAME}; "
                "convert the bundle again"
            )


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "manifest"
    return f"{where}: {first['msg']}"


def _read_manifest(path: Path, archive: FolderArchive | ZipArchive) -> Manifest:
    try:
        data = archive.read(MANIFEST_NAME, MANIFEST_LIMIT_BYTES)
    except (OSError, KeyError) as error:
        raise BundleError(
            f"{path}: has no readable {MANIFEST_NAME}, so it is no bundle; "
            "give the folder or .zip that `pico-deploy convert` wrote"
        ) from error
    if len(data) > MANIFEST_LIMIT_BYTES:
        raise BundleError(f"{path}: {MANIFEST_NAME} is larger than any manifest")
    try:
        return from_json(data)
    except ValidationError as error:
        problem = _first_problem(error)
        if problem.startswith("schema_version"):
            problem = f"is not of schema version {SCHEMA_VERSION}; use the release that wrote it"
        raise BundleError(f"{path}: {MANIFEST_NAME} cannot be used: {problem}") from error


def open_bundle(path: Path, *, verify: bool = True) -> Bundle:
    """Open a bundle and check every file of it.

    ``verify=False`` checks files only when they are read. Raises ``BundleError``.
    """
    archive = open_archive(path)
    try:
        bundle = Bundle(path, archive, _read_manifest(path, archive))
        if verify:
            bundle.verify()
    except BaseException:
        archive.__exit__()
        raise
    return bundle
