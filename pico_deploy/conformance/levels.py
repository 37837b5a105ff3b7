"""Which levels stand for a model when not all of them can be tried."""

from __future__ import annotations

from pico_deploy.bundle.manifest import Manifest


def anchor_levels(manifest: Manifest) -> tuple[int, ...]:
    """For each anchor the level at which its weight is largest, in rising order."""
    table = manifest.anchor_table
    anchors = range(len(table[0]))
    return tuple(sorted({max(range(len(table)), key=lambda v: table[v][a]) for a in anchors}))
