"""Writing a bundle: fill a staging folder, seal it, and only then does it exist."""

from __future__ import annotations

import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from pico_deploy.bundle.archive import write_zip
from pico_deploy.bundle.fingerprint import entropy_fingerprint, file_sha256
from pico_deploy.bundle.manifest import (
    ENTROPY_NAME,
    MANIFEST_NAME,
    Contents,
    FileEntry,
    Manifest,
    to_json,
)
from pico_deploy.errors import OutputError
from pico_deploy.outputs import new_file, new_folder, replace_folder


def _is_bundle(path: Path) -> bool:
    if path.is_dir():
        return (path / MANIFEST_NAME).is_file() or not any(path.iterdir())
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return MANIFEST_NAME in archive.namelist()


class BundleWriter:
    """Context manager that makes the bundle ``destination``: a folder, or a zip by its suffix.

    ::

        with BundleWriter(Path("pico-s.bundle")) as writer:
            (writer.folder / "entropy.bin").write_bytes(entropy_bin)
            export_to(writer.folder / "onnx" / "analysis.onnx")
            manifest = writer.seal(Contents(...))

    Files go below ``folder``; ``seal`` hashes them and puts the bundle in place. Leaving without
    ``seal``, by an exception or not, leaves nothing. An older bundle at ``destination`` is
    replaced, anything else is not: ``OutputError``.
    """

    def __init__(self, destination: Path) -> None:
        self.destination = destination
        self.folder: Path = destination
        self._cleanup = ExitStack()

    def __enter__(self) -> Self:
        if self.destination.exists() and not _is_bundle(self.destination):
            raise OutputError(
                f"{self.destination}: exists and is not a bundle; name another place or remove it"
            )
        self.folder = self._cleanup.enter_context(new_folder(self.destination))
        return self

    def __exit__(self, *exc: object) -> None:
        self._cleanup.__exit__(*exc)  # type: ignore[arg-type]

    def seal(self, contents: Contents) -> Manifest:
        """Hash every file, write the manifest and put the bundle at its destination.

        Raises ``ValueError`` when ``contents`` does not fit the files: that is a fault of the
        caller.
        """
        files = {}
        for path in sorted(p for p in self.folder.rglob("*") if not p.is_dir()):
            path.chmod(0o644)
            files[path.relative_to(self.folder).as_posix()] = FileEntry(
                size=path.stat().st_size, sha256=file_sha256(path)
            )
        entropy_bin = (self.folder / ENTROPY_NAME).read_bytes()
        manifest = Manifest(
            **dict(contents),
            entropy_fingerprint=entropy_fingerprint(entropy_bin).hex(),
            files=files,
        )
        (self.folder / MANIFEST_NAME).write_bytes(to_json(manifest))
        if self.destination.suffix == ".zip":
            with new_file(self.destination) as temporary:
                write_zip(self.folder, temporary)
        else:
            replace_folder(self.folder, self.destination)
        return manifest
