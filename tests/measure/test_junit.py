"""A CI that reads JUnit sees a pass only where a device kept its budget."""

from xml.etree import ElementTree

import pytest
from sample_results import make_result, make_run

from pico_deploy.measure.budgets import Budgets, judge
from pico_deploy.measure.junit import junit
from pico_deploy.measure.result import Provenance

LIMITS = Budgets(encode_milliseconds=235, decode_milliseconds=155, cold_load_milliseconds=1)


def suite(provenance: Provenance, decode_ms: float = 150) -> ElementTree.Element:
    run = make_run(decode_ms=[decode_ms] * 3).model_copy(update={"load": None})
    evidence = ["SoC"] if provenance is Provenance.DEVICE else []
    result = make_result(provenance, evidence, runs=[run])
    return ElementTree.fromstring(junit(result, judge(result, LIMITS)))


def outcomes(found: ElementTree.Element) -> dict[str, str]:
    cases = found.iter("testcase")
    return {c.attrib["name"]: c[0].tag if len(c) else "passed" for c in cases}


def test_device_passes_within_fails_over_and_errs_where_nothing_was_measured() -> None:
    found = suite(Provenance.DEVICE, decode_ms=160)
    assert outcomes(found) == {
        "encode_milliseconds": "passed",
        "decode_milliseconds": "failure",
        "cold_load_milliseconds": "error",
    }
    counts = {name: found.attrib[name] for name in ("tests", "failures", "errors")}
    assert counts == {"tests": "3", "failures": "1", "errors": "1"}


@pytest.mark.parametrize("provenance", [p for p in Provenance if p is not Provenance.DEVICE])
def test_nothing_else_ever_passes(provenance: Provenance) -> None:
    found = suite(provenance, decode_ms=1)
    assert set(outcomes(found).values()) == {"error"}
    assert "not a device measurement" in ElementTree.tostring(found, encoding="unicode")
