"""A bundle's files wherever they lie, in a folder or zip: names in, bytes out, nothing trusted."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, Self

from pico_deploy.errors import BundleError

_EPOCH = (1980, 1, 1, 0, 0, 0)
# What the standard library raises for the content of a zip, depending on its compression.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(RuntimeError, NotImplementedError, EOFError, ValueError),
)


class Archive(AbstractContextManager["Archive"], Protocol):
    """Read access to named files."""

    def sizes(self) -> dict[str, int]:
        """Name and size in bytes of every file."""
        ...

    def read(self, name: str, size: int) -> bytes:
        """At most ``size + 1`` bytes of a file, so that a file that grew is seen and a bomb
        is not.
        """
        ...


class FolderArchive:
    """The files below a folder; links and special files are refused."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def sizes(self) -> dict[str, int]:
        """Name and size of every regular file below the folder."""
        result = {}
        for path in sorted(self._folder.rglob("*")):
            name = path.relative_to(self._folder).as_posix()
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                raise BundleError(f"{self._folder}: {name} is a link or special file; copy it")
            if path.is_file():
                result[name] = path.stat().st_size
        return result

    def read(self, name: str, size: int) -> bytes:
        """Read one file."""
        with (self._folder / name).open("rb") as file:
            return file.read(size + 1)


class ZipArchive:
    """The members of a zip."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except zipfile.BadZipFile as error:
            raise BundleError(
                f"{path}: neither a bundle folder nor a whole zip ({error}); copy it again"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def sizes(self) -> dict[str, int]:
        """Name and unpacked size of every member that is not a folder."""
        members = [m for m in self._zip.infolist() if not m.is_dir()]
        result = {m.filename: m.file_size for m in members}
        if len(result) != len(members):
            raise BundleError(f"{self._path}: the zip names a file twice; make the bundle again")
        return result

    def read(self, name: str, size: int) -> bytes:
        """Unpack one member."""
        try:
            with self._zip.open(name) as member:
                return member.read(size + 1)
        except _DAMAGE as error:
            raise BundleError(
                f"{self._path}: {name} is damaged ({error}); copy it again"
            ) from error


def open_archive(path: Path) -> FolderArchive | ZipArchive:
    """Open a bundle's folder or zip; raises ``BundleError`` when there is none."""
    try:
        return FolderArchive(path) if path.is_dir() else ZipArchive(path)
    except OSError as error:
        raise BundleError(
            f"{path}: cannot open the bundle ({error.strerror}); "
            "give the folder or .zip that `pico-deploy convert` wrote"
        ) from error


def write_zip(folder: Path, destination: Path) -> None:
    """Pack a folder so that equal content gives equal bytes: sorted, undated, stored.

    Stored, because deflate's output depends on the version of zlib, and weights hardly compress.
    """
    with zipfile.ZipFile(destination, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())
