"""The Gradle project as data: its Kotlin, its scripts, its versions, its manifest."""

from __future__ import annotations

import re
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from android_build import HARNESS

tree_sitter = pytest.importorskip("tree_sitter", reason="tree-sitter is not installed")
tree_sitter_kotlin = pytest.importorskip(
    "tree_sitter_kotlin", reason="tree-sitter-kotlin is not installed"
)

_PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_kotlin.language()))
_ANDROID = "{http://schemas.android.com/apk/res/android}"


def scripts() -> list[Path]:
    """Gradle's build and settings scripts."""
    return sorted(path for path in HARNESS.rglob("*.gradle.kts") if "build/" not in str(path))


def errors(code: bytes) -> list[str]:
    """Line and text of everything that is no Kotlin."""
    return [
        f"line {node.start_point[0] + 1}: {node.text[:60].decode(errors='replace')}"
        for node in _walk(_PARSER.parse(code).root_node)
        if node.type == "ERROR" or node.is_missing
    ]


def _walk(node: Any) -> Iterator[Any]:
    yield node
    for child in node.children:
        yield from _walk(child)


def catalog() -> dict[str, Any]:
    """The table of versions."""
    return tomllib.loads((HARNESS / "gradle/libs.versions.toml").read_text())


def unknown_names(table: dict[str, Any], script: str) -> list[str]:
    """What a script or the table itself takes from the table and is not there."""
    accessors = {name.replace("-", ".") for name in table["libraries"]}
    accessors |= {"plugins." + name.replace("-", ".") for name in table["plugins"]}
    accessors |= {"versions." + name for name in table["versions"]}
    used = set(re.findall(r"\blibs\.([\w.]+?)(?:\.get\(\)|\)|,)", script))
    missing = [f"libs.{name}" for name in sorted(used - accessors)]
    for entry in (*table["libraries"].values(), *table["plugins"].values()):
        if entry["version"]["ref"] not in table["versions"]:
            missing.append(f"version {entry['version']['ref']}")
    return missing


def activity() -> dict[str, str]:
    """Attributes of the activity in the manifest."""
    root = ElementTree.parse(HARNESS / "app/src/main/AndroidManifest.xml").getroot()
    found = root.find("application/activity")
    assert found is not None
    return {name.removeprefix(_ANDROID): value for name, value in found.attrib.items()}
