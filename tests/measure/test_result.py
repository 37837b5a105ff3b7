"""The result schema keeps what every harness and every older result relies on."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError
from sample_results import make_operation, make_result

from pico_deploy.errors import InputError, OutputError
from pico_deploy.measure.result import (
    SCHEMA_VERSION,
    Conformance,
    Phase,
    PhaseSamples,
    Provenance,
    Result,
)
from pico_deploy.measure.schema import SCHEMA_PATH, schema_text
from pico_deploy.measure.store import dump, load, parse, save


def test_committed_json_schema_is_the_one_the_models_generate() -> None:
    assert SCHEMA_PATH.read_text(encoding="utf-8") == schema_text(), (
        "run: python -m pico_deploy.measure.schema"
    )


def test_result_survives_a_round_trip_through_a_file(tmp_path: Path) -> None:
    result = make_result()
    save(result, tmp_path / "r.json")
    assert load(tmp_path / "r.json") == result


def test_every_number_with_a_unit_names_it() -> None:
    units = ("_ns", "_bytes", "_celsius", "_percent", "_1min", "_efficiency")
    unitless = {"schema_version", "cpu_count", "threads", "warm_up_iterations", "iteration"}
    unitless |= {"width", "height", "tiles", "level", "vectors", "passed", "operations_by_unit"}
    schema = json.loads(schema_text())
    for model in (schema, *schema["$defs"].values()):
        for name, field in model.get("properties", {}).items():
            if any(kind in json.dumps(field) for kind in ('"integer"', '"number"')):
                assert name.endswith(units) or name in unitless, name


def test_device_provenance_without_evidence_is_refused() -> None:
    with pytest.raises(ValidationError, match="evidence"):
        make_result(provenance=Provenance.DEVICE, identified_by=())
    assert make_result(provenance=Provenance.DEVICE, identified_by=("ro.soc.model=SM8750",))


def test_device_provenance_with_an_emulator_marker_is_refused() -> None:
    data = json.loads(dump(make_result(Provenance.DEVICE, ["ro.soc.model=SM8750"])))
    data["device"]["emulator_markers"] = ["ro.kernel.qemu=1"]
    with pytest.raises(InputError, match=r"emulator markers: ro\.kernel\.qemu=1"):
        parse(json.dumps(data), "r.json")


@pytest.mark.parametrize(
    ("provenance", "device", "valid"),
    [
        ("host", {}, True),
        ("device", {}, False),
        ("device", {"identified_by": ["ro.soc.model=SM8750"]}, True),
        ("device", {"identified_by": ["x"], "emulator_markers": ["ro.kernel.qemu=1"]}, False),
        ("emulated", {"emulator_markers": ["ro.kernel.qemu=1"]}, True),
        ("measured", {}, False),
    ],
)
def test_json_schema_alone_refuses_what_the_models_refuse(
    provenance: str, device: dict[str, list[str]], valid: bool
) -> None:
    data = json.loads(dump(make_result()))
    data["provenance"] = provenance
    data["device"] |= {"identified_by": [], "emulator_markers": []} | device
    assert Draft202012Validator(json.loads(schema_text())).is_valid(data) == valid


def test_conformance_that_does_not_count_every_vector_is_refused() -> None:
    with pytest.raises(ValidationError, match="2 passed and 0 failed of 3"):
        Conformance(suite_sha256="a" * 64, vectors=3, passed=2)


def test_misspelt_field_is_refused() -> None:
    data = json.loads(dump(make_result()))
    data["runs"][0]["acelerator_observed"] = "ANE"
    with pytest.raises(InputError, match="acelerator_observed"):
        parse(json.dumps(data), "r.json")


def test_phase_with_a_missing_iteration_is_refused() -> None:
    with pytest.raises(ValidationError, match="analysis has 1 iterations"):
        make_operation((5, 6), phases={Phase.ANALYSIS: PhaseSamples(samples_ns=((1, 2),))})


def test_result_of_a_newer_schema_is_named_as_such() -> None:
    data = json.loads(dump(make_result())) | {"schema_version": SCHEMA_VERSION + 1}
    with pytest.raises(InputError, match="update pico-deploy"):
        parse(json.dumps(data), "r.json")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"schema_name": "other"}', "\xff"])
def test_what_is_not_a_result_is_an_input_error(text: str) -> None:
    with pytest.raises(InputError, match=r"r\.json"):
        parse(text, "r.json")


def test_missing_result_is_an_input_error_and_unwritable_place_an_output_error(
    tmp_path: Path,
) -> None:
    with pytest.raises(InputError):
        load(tmp_path / "absent.json")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        save(make_result(), tmp_path / "file" / "r.json")


@pytest.mark.parametrize("version", [1, 2])
def test_first_published_form_of_every_schema_is_still_readable(version: int) -> None:
    result = load(Path(__file__).with_name(f"result-v{version}.json"))
    assert isinstance(result, Result)
    assert result.schema_version == version
