"""Is a page's result about this bundle, and do its symbols decode here to the same ones?

A page is not trusted: the stream it made is decoded again on this machine, and the hashes it
reports must be those of what comes out.
"""

from __future__ import annotations

import hashlib

from pico_deploy import _core
from pico_deploy.conformance.symbols import SymbolRecorder, image_sha256
from pico_deploy.errors import InputError, StreamError, VerificationError
from pico_deploy.measure import identity
from pico_deploy.measure.result import Result, Run
from pico_deploy.runtime.decode import open_stream
from pico_deploy.runtime.session import Session


def check(result: Result, stream: bytes, session: Session) -> None:
    """Raises ``InputError`` for a result about something else, ``VerificationError`` where symbols
    or sizes are not what the page reports.
    """
    served = identity.bundle(session.bundle)
    if result.bundle != served:
        raise InputError(
            f"the result is about another bundle (manifest {result.bundle.manifest_sha256[:16]}…, "
            f"served is {served.manifest_sha256[:16]}…); reload the page"
        )
    if len(result.runs) != 1:
        raise InputError(f"a page measures one run, the result has {len(result.runs)}")
    _check_stream(result, result.runs[0], stream, session)


def _check_stream(result: Result, run: Run, stream: bytes, session: Session) -> None:
    facts = (len(stream), hashlib.sha256(stream).hexdigest())
    if facts != (run.stream_bytes, run.hashes.stream_sha256):
        raise VerificationError("the posted stream is not the one that the result describes")
    try:
        decoder = open_stream(stream, session)
        image = decoder.image
        symbols = decoded_symbols(decoder)
    except StreamError as error:
        raise VerificationError(f"the page's stream does not decode here: {error}") from error
    stated = result.workload
    if (image.width, image.height) != (stated.width, stated.height):
        raise VerificationError(
            f"the page's stream is {image.width}×{image.height}, its result says "
            f"{stated.width}×{stated.height}"
        )
    for name in ("emitted", "decoded"):
        found = getattr(run.hashes, f"{name}_symbols_sha256")
        if found != symbols:
            raise VerificationError(
                f"the page's stream decodes here to symbols {symbols}, its {name} symbols are "
                f"{found}: one of the two decoders is wrong"
            )


def decoded_symbols(decoder: _core.Decoder) -> str:
    """Hash of all symbols of a stream, decoded by the core of this machine."""
    recorder = SymbolRecorder()
    for group in range(decoder.groups):
        z, y = decoder.decode_group(group, "int8")
        for i, tile in enumerate(decoder.tiles_of(group)):
            recorder.symbols(tile, z[i], y[i])
    return image_sha256(recorder.tiles)
