"""Verdicts as JUnit XML, which every CI shows. A limit that was not judged is an error, not a pass:
a green tick means that a device kept it.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from pico_deploy.measure.budgets import Verdict
from pico_deploy.measure.figures import headline
from pico_deploy.measure.result import Result


def junit(result: Result, verdicts: Sequence[Verdict]) -> bytes:
    """One test case for each verdict; equal input gives equal bytes."""
    over = [v for v in verdicts if v.outcome == "over"]
    unjudged = [v for v in verdicts if not v.passed and v.outcome != "over"]
    suite = ElementTree.Element(
        "testsuite",
        name="pico-deploy budgets",
        tests=str(len(verdicts)),
        failures=str(len(over)),
        errors=str(len(unjudged)),
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (("measured", headline(result)), ("provenance", result.provenance.value)):
        ElementTree.SubElement(properties, "property", name=name, value=value)
    for verdict in verdicts:
        case = ElementTree.SubElement(
            suite, "testcase", classname=f"budget.{verdict.runtime}", name=verdict.budget
        )
        if not verdict.passed:
            measured = "nothing" if verdict.measured is None else f"{verdict.measured:g}"
            message = f"{verdict.outcome}: measured {measured}, limit {verdict.limit:g}"
            kind = "failure" if verdict.outcome == "over" else "error"
            ElementTree.SubElement(case, kind, type=verdict.outcome, message=message)
    ElementTree.indent(suite, " ")
    text = ElementTree.tostring(suite, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'.encode()
