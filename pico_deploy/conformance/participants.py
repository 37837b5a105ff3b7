"""Who takes part in ``verify``: what makes a stream of a picture, and what makes a picture of a
stream.

Most are a part of the bundle on a runtime of this machine, with this machine's core around it. A
*whole codec* brings a core of its own: it codes and decodes by itself, and hands out the symbols
that its analysis emitted or its decoder found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Protocol

from pico_deploy.conformance.pixels import Pixels
from pico_deploy.conformance.symbols import SymbolRecorder, TileSymbols
from pico_deploy.conformance.variants import Variant, load_variants
from pico_deploy.conformance.verification import NotRun
from pico_deploy.errors import MissingDependencyError
from pico_deploy.runtime.backend import ArithmeticName, BackendOptions
from pico_deploy.runtime.decode import decode, open_stream
from pico_deploy.runtime.encode import encode
from pico_deploy.runtime.photo import ArrayPixels
from pico_deploy.runtime.picture import ArraySink
from pico_deploy.runtime.session import Session

Symbols = dict[int, TileSymbols]
"""Of every tile, by its number."""


@dataclass(frozen=True)
class DecodedPicture:
    """Pixels, the symbols they were made of, and how many samples were not a number."""

    pixels: Pixels
    symbols: Symbols
    nan_samples: int = 0


class Encoder(Protocol):
    """Makes streams."""

    @property
    def name(self) -> str:
        """``runtime/precision``."""
        ...

    def encode(self, pixels: Pixels, level: int) -> tuple[bytes, Symbols]:
        """A stream, and the symbols that analysis emitted for it."""
        ...


class Decoder(Protocol):
    """Makes pictures."""

    @property
    def name(self) -> str:
        """``runtime/precision``."""
        ...

    @property
    def runtime(self) -> str:
        """What runs ``synthesis``."""
        ...

    @property
    def precision(self) -> ArithmeticName:
        """What it computes in, which chooses the tolerance class."""
        ...

    def decode(self, stream: bytes) -> DecodedPicture:
        """The picture of a stream."""
        ...


class WholeCodec(Encoder, Decoder, Protocol):
    """Both, with a core of its own, until it is closed."""

    def close(self) -> None:
        """End everything it started."""
        ...


CodecFactory = Callable[[Session, BackendOptions], WholeCodec]
"""Raises ``MissingDependencyError`` where this machine cannot run it."""


@dataclass(frozen=True)
class _Part:
    session: Session
    variant: Variant

    @property
    def name(self) -> str:
        """``runtime/precision``."""
        return self.variant.name


class PartEncoder(_Part):
    """``analysis`` on a runtime; the core of this machine codes."""

    def encode(self, pixels: Pixels, level: int) -> tuple[bytes, Symbols]:
        """See ``Encoder``."""
        seen = SymbolRecorder()
        source = ArrayPixels(pixels)
        data = encode(source, self.session, self.variant.part, level, observer=seen)
        return data, seen.tiles


class PartDecoder(_Part):
    """The core of this machine decodes; ``synthesis`` on a runtime."""

    @property
    def runtime(self) -> str:
        """What runs ``synthesis``."""
        return self.variant.runtime

    @property
    def precision(self) -> ArithmeticName:
        """What it computes in."""
        return self.variant.precision

    def decode(self, stream: bytes) -> DecodedPicture:
        """See ``Decoder``; the symbols are those that reached ``synthesis``."""
        seen, sink = SymbolRecorder(), ArraySink()
        opened = open_stream(stream, self.session)
        decoded = decode(opened, self.session, self.variant.part, sink, observer=seen)
        return DecodedPicture(sink.pixels(), seen.tiles, decoded.nan_samples)


@dataclass
class Participants:
    """Everybody who can take part here, and why others cannot."""

    encoders: list[Encoder] = field(default_factory=list)
    decoders: list[Decoder] = field(default_factory=list)
    not_run: list[NotRun] = field(default_factory=list)


def gather(
    session: Session,
    runtimes: Sequence[str],
    options: BackendOptions,
    codecs: Mapping[str, CodecFactory],
    stack: ExitStack,
) -> Participants:
    """Parts on the runtimes that are named, then the whole codecs that are. ``stack`` closes what
    was started.
    """
    found = Participants()
    backends = [name for name in runtimes if name not in codecs]
    analyses, no_analysis = load_variants(session, "analysis", backends, options)
    syntheses, no_synthesis = load_variants(session, "synthesis", backends, options)
    found.encoders += [PartEncoder(session, variant) for variant in analyses]
    found.decoders += [PartDecoder(session, variant) for variant in syntheses]
    found.not_run += [*no_analysis, *no_synthesis]
    for name in runtimes:
        if name not in codecs:
            continue
        try:
            codec = codecs[name](session, options)
        except MissingDependencyError as error:
            found.not_run.append(NotRun(what=f"whole codec on {name}", reason=str(error)))
            continue
        stack.callback(codec.close)
        found.encoders.append(codec)
        found.decoders.append(codec)
    return found
