"""Who may talk to the server: whoever opens the printed link first.

A link carries a token that is good for one use. The page trades it for a key, which it sends with
every request. The token stands behind a ``#``, so no browser sends it in a request line.
"""

from __future__ import annotations

import secrets
import threading

_BYTES = 24


class Pairing:
    """One open token at a time, and the keys that were given for earlier ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: list[str] = []
        self._token = secrets.token_urlsafe(_BYTES)

    @property
    def token(self) -> str:
        """The token of the next link."""
        with self._lock:
            return self._token

    def trade(self, token: str) -> str | None:
        """A key for the open token, which is spent then; None for any other."""
        with self._lock:
            if not secrets.compare_digest(token.encode(), self._token.encode()):
                return None
            self._token = secrets.token_urlsafe(_BYTES)
            key = secrets.token_urlsafe(_BYTES)
            self._keys.append(key)
            return key

    def knows(self, key: str) -> bool:
        """Was this key given?"""
        with self._lock:
            # a list, so that every key is compared and the time tells nothing about which was near
            matches = [secrets.compare_digest(key.encode(), known.encode()) for known in self._keys]
            return any(matches)
