"""Everything known that slows or flatters a figure is said, and a clean result says nothing."""

import pytest
from sample_results import make_operation, make_result, make_run

from pico_deploy.measure.caveats import caveats
from pico_deploy.measure.result import (
    Conditions,
    Conformance,
    Covers,
    Phase,
    Provenance,
    Run,
    ThermalState,
)

CLEAN = make_run().model_copy(update={"encode": make_operation((100, 101, 102))})


def said_of(run: Run) -> list[str]:
    return caveats(make_result(Provenance.DEVICE, ["SoC"], runs=[run]))


def test_steady_run_of_a_device_on_the_accelerator_it_asked_for_has_no_caveat() -> None:
    assert said_of(CLEAN) == []


@pytest.mark.parametrize("provenance", [p for p in Provenance if p is not Provenance.DEVICE])
def test_anything_else_is_said_to_be_no_device_measurement(provenance: Provenance) -> None:
    (line,) = caveats(make_result(provenance, runs=[CLEAN]))
    assert "not a device measurement" in line and provenance.value in line


def conditions(state: ThermalState | None = None, low_power: bool | None = None) -> Conditions:
    return Conditions(thermal_state=state, low_power=low_power)


NOMINAL, SERIOUS = conditions(ThermalState.NOMINAL), conditions(ThermalState.SERIOUS)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"accelerator_observed": "gpu"}, "cpu was requested, gpu did the work"),
        ({"accelerator_observed": None}, "what did the work is not known"),
        ({"conditions_before": NOMINAL, "conditions_after": SERIOUS}, "rose from nominal"),
        ({"conditions_before": SERIOUS, "conditions_after": SERIOUS}, "serious throughout"),
        ({"conditions_after": conditions(low_power=True)}, "low-power mode was on"),
        ({"decode": make_operation((100, 150, 200))}, "unsteady"),
        ({"encode": make_run().encode}, "iteration 0 (9.00 ms) is not among the samples"),
        (
            {"covers": Covers.CORE, "ran_elsewhere": {Phase.ANALYSIS: "host"}},
            "the core alone, no encode or decode of a photo (analysis: host)",
        ),
        (
            {
                "conformance": Conformance(
                    suite_sha256="a" * 64, vectors=2, passed=1, failures=("flat: y differs",)
                )
            },
            "1 of 2 conformance vectors failed, first: flat: y differs",
        ),
    ],
)
def test_each_fault_is_named(change: dict[str, object], words: str) -> None:
    (line,) = said_of(CLEAN.model_copy(update=change))
    assert words in line
