"""Silence what the conversion libraries are known to say on every run, and nothing else.

A line that no pattern below matches reaches standard error unchanged: it may be the one that
matters.
"""

from __future__ import annotations

import importlib
import logging
import os
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

_KNOWN_LINES = re.compile(
    rb"torchvision is not installed. Skipping"
    rb"|Failed to load _ML\w+Proxy: No module named 'coremltools.libcoremlpython'"
    rb"|Torch version \S+ has not been tested with coremltools"
    rb"|scikit-learn version \S+ is not supported"
    rb"|Failed to load \S*torchao\S*\.so"
    rb"|All log messages before absl::InitializeLog\(\) is called are written to STDERR"
    rb"|oneDNN custom operations are on"
    rb"|Estimated count of arithmetic ops"
    rb"|Created TensorFlow Lite XNNPACK delegate for CPU"
    rb"|is an Enum subclass and is now natively supported by torch\.compile"
    rb"|isinstance\(treespec, LeafSpec\)` is deprecated|^\s+return cls\.__new__\(cls, \*args\)$"
)
_KNOWN_WARNINGS = (
    r".*isinstance\(treespec, LeafSpec\)",
    r".*has not been tested with coremltools",
    r".*experimental_preserve_all_tensors",
)
# Progress bars redraw without ending a line: such a chunk is passed on at once, not held for its
# newline.
_REDRAW = (b"\r", b"\x1b")


def is_known(line: bytes) -> bool:
    """Whether a line of standard error is part of the known chatter."""
    return _KNOWN_LINES.search(line) is not None


def _pump(source: int, sink: int) -> None:
    pending = b""
    while chunk := os.read(source, 1 << 16):
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            if not is_known(line):
                os.write(sink, line + b"\n")
        if pending.startswith(_REDRAW):
            os.write(sink, pending)
            pending = b""
    if pending and not is_known(pending):
        os.write(sink, pending)


@contextmanager
def _filtered_stderr() -> Iterator[None]:
    """Filter file descriptor 2, because the C++ parts write there without asking Python."""
    sys.stderr.flush()
    saved = os.dup(2)
    source, sink = os.pipe()
    os.dup2(sink, 2)
    os.close(sink)
    pump = threading.Thread(target=_pump, args=(source, saved), daemon=True)
    pump.start()
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(saved, 2)  # closes the last write end of the pipe, so the pump ends
        pump.join()
        os.close(source)
        os.close(saved)


@contextmanager
def _no_progress_bars() -> Iterator[None]:
    try:
        tqdm = importlib.import_module("tqdm").tqdm
    except ImportError:
        yield
        return
    original = tqdm.__init__

    def disabled(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **{**kwargs, "disable": True})

    tqdm.__init__ = disabled
    try:
        yield
    finally:
        tqdm.__init__ = original


@contextmanager
def quiet() -> Iterator[None]:
    """Context manager: the known chatter of torch, coremltools and LiteRT is dropped."""
    os.environ.setdefault("LITERT_TORCH_SHOW_PROGRESS", "n")
    with ExitStack() as stack:
        stack.enter_context(_filtered_stderr())
        stack.enter_context(_no_progress_bars())
        stack.enter_context(warnings.catch_warnings())
        for message in _KNOWN_WARNINGS:
            warnings.filterwarnings("ignore", message=message)
        # Both count their passes at level INFO or WARNING; errors of theirs still come through.
        for name in ("coremltools", "absl"):
            logger = logging.getLogger(name)
            stack.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.ERROR)
        yield
