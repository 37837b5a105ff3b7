"""Swift sources as a syntax tree: enough to find errors, and the names that a type has in JSON."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

tree_sitter = pytest.importorskip("tree_sitter", reason="tree-sitter is not installed")
tree_sitter_swift = pytest.importorskip(
    "tree_sitter_swift", reason="tree-sitter-swift is not installed"
)

HARNESS = Path(__file__).resolve().parents[2] / "ios_harness"
_PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_swift.language()))


def sources() -> list[Path]:
    return sorted(p for p in HARNESS.rglob("*.swift") if "build" not in p.parts)


def parse(code: bytes) -> tree_sitter.Node:
    return _PARSER.parse(code).root_node


def walk(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    yield node
    for child in node.children:
        yield from walk(child)


def errors(code: bytes) -> list[str]:
    """Line and text of everything that is no Swift."""
    return [
        f"line {node.start_point[0] + 1}: {node.text[:60].decode(errors='replace')}"
        for node in walk(parse(code))
        if node.type == "ERROR" or node.is_missing
    ]


def _text(node: tree_sitter.Node) -> str:
    return node.text.decode()


def _coding_keys(body: tree_sitter.Node) -> dict[str, str] | None:
    """Property → JSON name, as ``enum CodingKeys`` states; None without one."""
    for child in body.children:
        if child.type == "class_declaration" and _text(child).startswith("enum CodingKeys"):
            names: dict[str, str] = {}
            for entry in walk(child):
                if entry.type != "enum_entry":
                    continue
                last = ""
                for part in entry.children:
                    if part.type == "simple_identifier":
                        last = _text(part)
                        names[last] = last
                    elif part.type == "line_string_literal":
                        names[last] = _text(part).strip('"')
            return names
    return None


def _properties(body: tree_sitter.Node) -> list[str]:
    return [
        _text(pattern)
        for child in body.children
        if child.type == "property_declaration" and "{" not in _text(child)
        for pattern in child.children
        if pattern.type == "pattern"
    ]


def json_names(path: Path) -> dict[str, set[str]]:
    """For every struct of a file, the names of its fields in JSON."""
    found: dict[str, set[str]] = {}
    for node in walk(parse(path.read_bytes())):
        if node.type != "class_declaration" or not any(c.type == "struct" for c in node.children):
            continue
        name = next(_text(c) for c in node.children if c.type == "type_identifier")
        body = next(c for c in node.children if c.type == "class_body")
        keys = _coding_keys(body)
        properties = _properties(body)
        if keys is not None:
            assert set(properties) == set(keys), f"{name}: CodingKeys are not its properties"
        found[name] = set(properties if keys is None else keys.values())
    return found
