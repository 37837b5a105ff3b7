"""The bundle: a folder or zip with everything an app needs to run a codec. Write, read, compare."""

from pico_deploy.bundle.fingerprint import entropy_fingerprint, pixel_fingerprint
from pico_deploy.bundle.manifest import (
    Artefact,
    Contents,
    Manifest,
    Provenance,
    Quantisation,
    Tensor,
    float32_table,
)
from pico_deploy.bundle.read import Bundle, open_bundle
from pico_deploy.bundle.write import BundleWriter

__all__ = [
    "Artefact",
    "Bundle",
    "BundleWriter",
    "Contents",
    "Manifest",
    "Provenance",
    "Quantisation",
    "Tensor",
    "entropy_fingerprint",
    "float32_table",
    "open_bundle",
    "pixel_fingerprint",
]
