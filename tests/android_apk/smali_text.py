"""The text that baksmali prints, as classes and methods."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TYPE = re.compile(r"\[*(?:L[^;]+;|[ZBSCIJFD])")


@dataclass
class Method:
    """``signature``: name and descriptor. ``code``: (operation, operands)."""

    signature: str
    flags: frozenset[str]
    registers: int = 0
    code: list[tuple[str, str]] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    catches: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass
class Class:
    """A class of the APK."""

    name: str
    parents: list[str]
    methods: dict[str, Method] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)


def parse(text: str) -> Class:
    """One file of baksmali."""
    found, method = Class("", []), None
    for line in filter(None, map(str.strip, text.splitlines())):
        word, _, rest = line.partition(" ")
        if word == ".class":
            found.name = rest.split()[-1]
        elif word in (".super", ".implements"):
            found.parents.append(rest)
        elif word == ".field":
            name, _, kind = rest.split()[-1].partition(":")
            found.fields[name] = kind
        elif word == ".method":
            *flags, signature = rest.split()
            method = found.methods[signature] = Method(signature, frozenset(flags))
        elif line == ".end method":
            method = None
        elif method is not None and word == ".registers":
            method.registers = int(rest)
        elif method is not None and word == ".catch":
            start, end, handler = re.findall(r":\w+", rest)
            method.catches.append((start, end, handler))
        elif method is not None and word.startswith(":"):
            method.labels[word] = len(method.code)
        elif method is not None and not word.startswith(("#", ".")):
            method.code.append((word, rest))
    return found


def parameters(signature: str) -> list[str]:
    """Types of the parameters of ``name(...)result``."""
    return _TYPE.findall(signature[signature.index("(") + 1 : signature.index(")")])
