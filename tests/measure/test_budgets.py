"""No verdict on a device from anything but a device, and no budget passes unjudged."""

from pathlib import Path

import pytest
from sample_results import make_result, make_run

from pico_deploy.errors import BudgetError, InputError
from pico_deploy.measure.budgets import NOT_A_DEVICE, Budgets, judge, load_budgets, require
from pico_deploy.measure.result import Covers, Provenance

PAPER = Budgets(encode_milliseconds=235, decode_milliseconds=155)


def test_device_within_its_budget_passes_and_over_it_fails() -> None:
    fast = make_result(Provenance.DEVICE, ["SoC"])
    require(judge(fast, PAPER))
    slow = make_result(Provenance.DEVICE, ["SoC"], runs=[make_run(decode_ms=(200, 201, 202))])
    with pytest.raises(BudgetError, match=r"onnx decode_milliseconds 201 \(limit 155\): over"):
        require(judge(slow, PAPER))


@pytest.mark.parametrize("provenance", [p for p in Provenance if p is not Provenance.DEVICE])
def test_verdict_is_refused_for_anything_but_a_device_however_fast(provenance: Provenance) -> None:
    verdicts = judge(make_result(provenance), PAPER)
    assert {v.outcome for v in verdicts} == {NOT_A_DEVICE}
    with pytest.raises(BudgetError, match="not a device measurement"):
        require(verdicts)


def test_budget_without_a_measurement_is_not_kept() -> None:
    run = make_run().model_copy(update={"memory": None})
    result = make_result(Provenance.DEVICE, ["SoC"], runs=[run])
    with pytest.raises(BudgetError, match="not measured"):
        require(judge(result, Budgets(peak_memory_bytes=1e9)))
    with pytest.raises(BudgetError, match="nothing was measured"):
        require(judge(make_result(Provenance.DEVICE, ["SoC"], runs=[]), PAPER))


def test_core_alone_is_never_judged_as_an_encode_or_decode() -> None:
    core = make_run().model_copy(update={"covers": Covers.CORE})
    result = make_result(Provenance.DEVICE, ["SoC"], runs=[core])
    assert {v.outcome for v in judge(result, PAPER)} == {"not measured"}
    (size,) = judge(result, Budgets(stream_bytes=1e6))
    assert size.passed


def test_latency_is_judged_by_its_p50_not_by_its_best_or_worst() -> None:
    run = make_run(decode_ms=(100, 150, 900))
    (verdict,) = judge(
        make_result(Provenance.DEVICE, ["SoC"], runs=[run]), Budgets(decode_milliseconds=151)
    )
    assert (verdict.measured, verdict.passed) == (150, True)


def test_budget_file_may_be_a_device_profile_with_other_tables(tmp_path: Path) -> None:
    path = tmp_path / "phone.toml"
    path.write_text(
        'source = "paper"\n[device]\nmodel = "x"\n[budgets]\ndecode_milliseconds = 150\n'
    )
    assert load_budgets(path) == Budgets(decode_milliseconds=150)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[budgets]",
        "[budgets]\ndecode_ms = 1",
        "[budgets]\nbundle_bytes = -1",
        "not = = toml",
        "\udcff",
    ],
)
def test_budget_file_that_limits_nothing_or_something_unknown_is_refused(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "b.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=r"b\.toml"):
        load_budgets(path)
