"""From what a user types to a loaded codec: a preset, a checkpoint, or a class of another
package."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pico_deploy.codecs.protocol import Codec
from pico_deploy.codecs.trained import ScaleShape, TrainedPico
from pico_deploy.errors import CheckpointError, UsageError

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"


def shipped() -> list[str]:
    """Names of the presets whose trained weights come with the package."""
    return sorted(p.stem for p in WEIGHTS.glob("*.safetensors"))


def weights_of(source: str) -> Path:
    """Checkpoint that ``source`` stands for: a shipped preset's name or a path; raises
    ``UsageError``."""
    if source in shipped():
        return WEIGHTS / f"{source}.safetensors"
    path = Path(source)
    if path.suffix or path.exists():
        return path
    raise UsageError(
        f"{source!r} is neither a shipped preset ({', '.join(shipped()) or 'none'}) "
        "nor a checkpoint file"
    )


def load_codec(source: str, *, scale_decoder: ScaleShape | None = None) -> Codec:
    """Load a shipped preset or a PICO checkpoint with its ``.json``."""
    return TrainedPico.load(weights_of(source), scale_decoder)


def load_foreign_codec(reference: str, weights: Path) -> Codec:
    """Load a codec class given as ``package.module:Class``; raises ``UsageError`` or
    ``CheckpointError``.

    The class must have the members of :class:`~pico_deploy.codecs.protocol.Codec`.
    """
    module_name, _, class_name = reference.partition(":")
    if not module_name or not class_name:
        raise UsageError(f"--codec takes package.module:Class, not {reference!r}")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise UsageError(f"cannot import {module_name}: {error}") from error
    cls = getattr(module, class_name, None)
    if not inspect.isclass(cls):
        raise UsageError(f"{module_name} has no class {class_name!r}")
    load = getattr(cls, "load", None)
    if not callable(load):
        raise UsageError(f"{reference} is not a codec: it has no classmethod load(weights)")
    if not weights.is_file():
        raise CheckpointError(f"no checkpoint at {weights}")
    codec = load(weights)
    missing = [n for n in vars(Codec) if not n.startswith("_") and not hasattr(codec, n)]
    if missing:
        raise UsageError(f"{reference} is not a codec: it lacks {', '.join(missing)}")
    return cast(Codec, codec)


@dataclass(frozen=True)
class FoundCodec:
    """A loaded codec and where it came from; ``preset`` is None unless it is a shipped one."""

    codec: Codec
    checkpoint: Path
    preset: str | None


def find_codec(
    source: str, *, reference: str | None = None, scale_decoder: ScaleShape | None = None
) -> FoundCodec:
    """Load what ``source`` stands for, with the class ``reference`` if that is given."""
    checkpoint = weights_of(source)
    if reference is not None:
        return FoundCodec(load_foreign_codec(reference, checkpoint), checkpoint, None)
    codec = load_codec(source, scale_decoder=scale_decoder)
    return FoundCodec(codec, checkpoint, source if source in shipped() else None)
