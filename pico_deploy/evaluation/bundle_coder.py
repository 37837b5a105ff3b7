"""A bundle as one of the codecs that are compared."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from pico_deploy.bundle.manifest import Manifest
from pico_deploy.conformance.pixels import Pixels
from pico_deploy.errors import VerificationError
from pico_deploy.runtime.backend import LoadedPart
from pico_deploy.runtime.decode import decode, open_stream
from pico_deploy.runtime.encode import encode
from pico_deploy.runtime.photo import ArrayPixels
from pico_deploy.runtime.picture import ArraySink
from pico_deploy.runtime.session import Session


@dataclass(frozen=True)
class BundleCoder:
    """Encodes and decodes with a bundle on one runtime, real ``.pico`` files in between."""

    session: Session
    analysis: LoadedPart
    synthesis: LoadedPart
    settings: tuple[int, ...]

    @property
    def name(self) -> str:
        """The codec's name."""
        return self.session.manifest.codec

    @property
    def identity(self) -> str:
        """The model, the files that ran, and the runtime.

        What else a bundle holds (other runtimes, provenance) changes no figure and does not count.
        """
        reports = (self.analysis.report, self.synthesis.report)
        run_by = ", ".join(dict.fromkeys(f"{r.library} {r.version} {r.precision}" for r in reports))
        digest = _digest(self.session.manifest, {report.runtime for report in reports})
        return f"bundle {digest[:16]}, {run_by}"

    def encode(self, pixels: Pixels, setting: int) -> bytes:
        """The whole ``.pico`` file."""
        return encode(ArrayPixels(pixels), self.session, self.analysis, setting)

    def decode(self, data: bytes) -> Pixels:
        """The pixels; raises ``VerificationError`` when a sample is not a number."""
        sink = ArraySink()
        found = decode(open_stream(data, self.session), self.session, self.synthesis, sink)
        if found.nan_samples:
            raise VerificationError(f"{found.nan_samples} decoded samples are not a number")
        return sink.pixels()


def _digest(manifest: Manifest, runtimes: set[str]) -> str:
    """SHA-256 of everything in a manifest that figures with these runtimes depend on."""
    places = [a.path for a in manifest.artefacts if a.runtime in runtimes]
    files = {
        path: entry.sha256
        for path, entry in manifest.files.items()
        if any(path == place or path.startswith(place + "/") for place in places)
    }
    model = manifest.model_dump(
        mode="json",
        include={"codec", "geometry", "anchor_table", "entropy_fingerprint", "pixel_fingerprint"},
    )
    return hashlib.sha256(json.dumps([model, files], sort_keys=True).encode()).hexdigest()
