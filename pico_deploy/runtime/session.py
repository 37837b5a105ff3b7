"""A bundle opened for running: its manifest, its integer entropy model, and proof that they belong
together.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Self

from pico_deploy import _core
from pico_deploy.bundle.manifest import ENTROPY_NAME, Manifest, PartName, Precision
from pico_deploy.bundle.read import Bundle, open_bundle
from pico_deploy.entropy.model import Geometry
from pico_deploy.errors import BundleError
from pico_deploy.runtime.backend import BackendOptions, LoadedPart
from pico_deploy.runtime.naming import naming
from pico_deploy.runtime.registry import create


class Session:
    """An open bundle and its core model; a context manager. Raises ``BundleError`` when they
    disagree.

    ``cpu`` forces a kernel set of the core, as in ``_core.Model``.
    """

    def __init__(self, bundle: Bundle, cpu: str | None = None) -> None:
        self.bundle = bundle
        with naming(bundle.path / ENTROPY_NAME):
            self.model = _core.Model(bundle.entropy_bin(), cpu)
        geometry = bundle.manifest.geometry
        for field in fields(Geometry):
            stated, actual = getattr(geometry, field.name), getattr(self.model, field.name)
            if stated != actual:
                raise BundleError(
                    f"{bundle.path}: the manifest states {field.name} {stated}, "
                    f"entropy.bin has {actual}; convert the bundle again"
                )

    @classmethod
    def open(cls, path: Path, cpu: str | None = None) -> Self:
        """Open and verify a bundle."""
        bundle = open_bundle(path)
        try:
            return cls(bundle, cpu)
        except BaseException:
            bundle.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.bundle.close()

    @property
    def manifest(self) -> Manifest:
        """What the bundle says about itself."""
        return self.bundle.manifest

    @property
    def pixel_fingerprint(self) -> bytes:
        """The 8 bytes that streams carry."""
        return bytes.fromhex(self.manifest.pixel_fingerprint)

    def load(
        self,
        part: PartName,
        runtime: str,
        precision: Precision | None = None,
        options: BackendOptions | None = None,
    ) -> LoadedPart:
        """Load a part on a runtime of this machine."""
        return create(runtime, options).load(self.bundle, part, precision)
