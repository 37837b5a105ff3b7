"""The integer cost of a bundle on photos. The only part of an evaluation that needs torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple
from pathlib import Path

from pico_deploy.bundle.read import Bundle
from pico_deploy.codecs.trained import TrainedPico
from pico_deploy.conformance.pixels import Pixels
from pico_deploy.conformance.symbols import SymbolRecorder
from pico_deploy.entropy.serialise import to_bytes
from pico_deploy.errors import ModelMismatchError
from pico_deploy.evaluation.bundle_coder import BundleCoder
from pico_deploy.evaluation.cache import Cache
from pico_deploy.evaluation.corpus import Photo
from pico_deploy.evaluation.integer_cost import ImageBits, SymbolBits
from pico_deploy.evaluation.points import Progress, image_key
from pico_deploy.runtime.encode import encode
from pico_deploy.runtime.photo import ArrayPixels
from pico_deploy.training.integer_rate import IntegerRate


def open_rate(weights: Path, bundle: Bundle) -> IntegerRate:
    """The float networks beside the integer model that a bundle was made with.

    Raises ``CheckpointError``, or ``ModelMismatchError`` when the bundle is of another checkpoint.
    """
    codec, entropy_bin = TrainedPico.load(weights), bundle.entropy_bin()
    for shape, model in codec.entropy_models.items():
        if to_bytes(model) == entropy_bin:
            return IntegerRate(
                TrainedPico(codec.config, codec.network, codec.entropy_models, shape)
            )
    raise ModelMismatchError(
        f"{weights} holds none of the integer entropy models that {bundle.path} was made with; "
        "give the checkpoint it was converted from"
    )


def image_bits(
    weights: Path,
    ours: BundleCoder,
    photos: Sequence[Photo],
    read: Callable[[Path], Pixels],
    cache: Cache,
    progress: Progress,
) -> Iterator[ImageBits]:
    """Bits of every photo at every level; what the cache knows is not coded again."""
    rate = open_rate(weights, ours.session.bundle)
    total = len(photos) * len(ours.settings)
    for number, photo in enumerate(photos):
        pixels = read(photo.path)
        for i, level in enumerate(ours.settings):
            done = number * len(ours.settings) + i
            progress(done, total, f"integer cost, {photo.name} level {level}")
            # open_rate ties the weights to the bundle, whose identity is in the key
            key = image_key(ours, level, pixels) | {"figure": "integer cost"}
            known = cache.get(key)
            if known is None:
                known = astuple(_bits(rate, ours, pixels, level))
                cache.put(key, known)
            yield ImageBits(photo.name, level, SymbolBits(*known))


def _bits(rate: IntegerRate, ours: BundleCoder, pixels: Pixels, level: int) -> SymbolBits:
    """Bits of all tiles, of the symbols that this runtime's analysis emits."""
    emitted = SymbolRecorder()
    encode(ArrayPixels(pixels), ours.session, ours.analysis, level, observer=emitted)
    grid = ours.session.model.grid(pixels.shape[1], pixels.shape[0])
    total = SymbolBits(0, 0, 0)
    for tile, symbols in emitted.tiles.items():
        valid = (grid.z_valid(tile), grid.y_valid(tile))
        total += rate.measure(symbols.z, symbols.y, level, *valid)
    return total
