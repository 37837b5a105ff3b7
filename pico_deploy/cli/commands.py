"""The table of commands. A command is listed by its line here; its module is imported when it is
run.
"""

from __future__ import annotations

import importlib
from typing import Any

import typer

COMMANDS: dict[str, str] = {
    "convert": "Turn a trained codec into a bundle: ONNX, TFLite and Core ML, gates and reports.",
    "encode": "Encode a photo into a .pico stream on this machine.",
    "decode": "Decode a .pico stream into a picture on this machine.",
    "inspect": "Show what is in a .pico stream or a bundle.",
    "bundle": "Compare or verify bundles.",
    "verify": "Check that runtimes here agree on a bundle's streams: symbols exact, pixels near.",
    "bench": "Measure encode and decode of a 12 MP photo: load, latency by phase, memory.",
    "devices": "List what is connected, or the device profiles with their budgets.",
    "serve": "Show a link that opens the codec on a phone here, and keep the results it sends.",
    "report": "Turn results of bench into one HTML file.",
    "evaluate": "Compare a bundle with the codecs of today on photos: rate, quality, time.",
    "compare": "Show crops by a bundle and the codecs of today, at equal file size.",
    "doctor": "Show what can and what cannot be checked on this machine, and why.",
    "train": "Train a preset on a folder of photos or a pack.",
    "refit": "Fit the linear scale decoder of finished weights again, and nothing else.",
    "card": "Write the model card of a checkpoint from the files of its training.",
    "difference": "Store a fine-tuned checkpoint as its difference to another.",
    "pack": "Make a small training pack of a folder of photos.",
}
"""Name → one line of help.

The command lies in ``pico_deploy.cli.<name>``: a function of that name, or ``app`` for a group.
"""


def load_command(name: str) -> Any:
    """Import a command and build it."""
    module = importlib.import_module(f"pico_deploy.cli.{name}")
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(name)(getattr(module, name))
    command = typer.main.get_command(app)
    command.name = name
    return command
