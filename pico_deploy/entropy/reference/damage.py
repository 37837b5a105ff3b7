"""What the reference raises for bytes that no encoder writes."""

from __future__ import annotations

from pico_deploy.errors import StreamError


class Damage(StreamError):  # noqa: N818 - the name of what it is about
    """The bytes are not a well-formed part of a stream."""
