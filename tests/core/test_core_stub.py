"""The stub says what the extension module has: no more, no less."""

from __future__ import annotations

import ast
from pathlib import Path

import pico_deploy
from pico_deploy import _core


def names_in_stub() -> dict[str, set[str]]:
    """Name → members (of classes) or nothing (of functions and values)."""
    source = (Path(pico_deploy.__file__).parent / "_core.pyi").read_text(encoding="utf-8")
    names: dict[str, set[str]] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            names[node.name] = {m.name for m in node.body if isinstance(m, ast.FunctionDef)}
        elif isinstance(node, ast.FunctionDef):
            names[node.name] = set()
        elif isinstance(node, ast.AnnAssign) and "TypeAlias" not in ast.unparse(node.annotation):
            names[ast.unparse(node.target)] = set()
    return names


def test_stub_and_module_have_the_same_names() -> None:
    stub = names_in_stub()
    module = {name for name in dir(_core) if not name.startswith("__")}
    assert set(stub) == module


def test_stub_and_module_have_the_same_members() -> None:
    for name, members in names_in_stub().items():
        thing = getattr(_core, name)
        if isinstance(thing, type):
            actual = {m for m in vars(thing) if not m.startswith("_")}
            assert {m for m in members if m != "__init__"} == actual, name
