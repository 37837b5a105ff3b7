"""Waiting for a page to say something, without waiting for one that is gone."""

from __future__ import annotations

import queue
from typing import TypeVar

from targets.errors import DisconnectedError, TargetTimeoutError
from targets.web.chromium import Chromium

STALLED_S = 600.0
"""A pass over 12 MP may take minutes in a browser; a page that is silent for longer is stuck."""
_LOOK_S = 0.5

_Event = TypeVar("_Event")


def next_event(events: queue.Queue[_Event], browser: Chromium, advice: str) -> _Event:
    """What the page says next. Raises ``DisconnectedError`` when the browser ends,
    ``TargetTimeoutError``, with ``advice``, when the page is silent.
    """
    silent_s = 0.0
    while silent_s < STALLED_S:
        try:
            return events.get(timeout=_LOOK_S)
        except queue.Empty:
            silent_s += _LOOK_S
        if browser.exit_code is not None:
            raise DisconnectedError(
                f"the browser ended with code {browser.exit_code}: {browser.last_words()}"
            )
    raise TargetTimeoutError(f"the page has said nothing for {STALLED_S:g} s; {advice}")
