"""The limits of pico.h, of the reference and of the specification are the same."""

from __future__ import annotations

import re
from pathlib import Path

from pico_deploy import _core
from pico_deploy.entropy import limits

ROOT = Path(__file__).resolve().parents[2]
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def header_limits(text: str) -> dict[str, int]:
    """`PICO_MAX_…` and `PICO_MIN_…` constants: names without the prefix."""
    found = re.findall(r"^ +PICO_(M(?:AX|IN)_\w+) = ([\d <]+)", text, flags=re.MULTILINE)
    return {name: eval(value) for name, value in found}  # digits and shifts only


def document_limits(text: str) -> dict[str, int]:
    """The table of section 11."""
    found = re.findall(r"^\| `PICO_(M\w+)` \| (\S+) \|", text, flags=re.MULTILINE)
    values = {}
    for name, value in found:
        base, power = re.fullmatch(r"(\d+?)([⁰¹²³⁴-⁹]*)", value).groups()
        values[name] = int(base) ** int(power.translate(SUPERSCRIPTS) or 1)
    return values


def core_header() -> str:
    return (ROOT / "core/include/pico.h").read_text(encoding="utf-8")


def specification() -> str:
    return (ROOT / "docs/bitstream.md").read_text(encoding="utf-8")


def test_core_reference_and_specification_have_the_same_limits() -> None:
    core = header_limits(core_header())
    reference = {name: value for name, value in vars(limits).items() if name.startswith("M")}
    assert core == reference == document_limits(specification())
    assert len(core) == 31


def test_a_limit_that_differs_is_seen() -> None:
    """Control."""
    changed = specification().replace("| `PICO_MAX_RICE` | 24 |", "| `PICO_MAX_RICE` | 25 |")
    assert document_limits(changed) != header_limits(core_header())


def test_the_limits_that_python_is_told_are_those() -> None:
    reference = {name.removeprefix("MAX_").lower(): value for name, value in vars(limits).items()}
    assert {name: reference[name] for name in _core.LIMITS} == _core.LIMITS


def test_the_specification_names_every_limit_it_lists_and_every_status() -> None:
    text = specification()
    for name in document_limits(text):
        if name != "MAX_LANES":  # three values, not a range
            assert text.count(f"`PICO_{name}`") >= 2, name
    errors = text[text.index("## 10. Errors") : text.index("## 11. Limits")]
    named = set(re.findall(r"`([a-z-]+)`", errors))
    assert set(_core.STATUSES) - {"ok"} <= named
