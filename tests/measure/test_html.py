"""The HTML report is one well-formed file that hides nothing and runs nothing."""

from html.parser import HTMLParser

from sample_results import make_result, make_run

from pico_deploy.measure.budgets import Budgets, judge
from pico_deploy.measure.compare import compare
from pico_deploy.measure.html import page
from pico_deploy.measure.result import Failure, Run

VOID = {"meta", "rect"}


class Checker(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        assert tag not in ("script", "link", "iframe", "img")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def test_page_is_well_formed_and_loads_nothing() -> None:
    checker = Checker()
    checker.feed(page([make_result()]))
    assert not checker.open
    assert not [
        name for name, _ in checker.attributes if name in ("src", "href") or name[:2] == "on"
    ]


def test_every_runtime_figure_and_note_is_in_the_page() -> None:
    failed = Run(
        runtime="tflite",
        runtime_version="2",
        accelerator_requested="NPU",
        failure=Failure(code="missing-dependency", message="not installed"),
        notes=("nothing was measured",),
    )
    text = page([make_result(runs=[make_run(), failed])])
    for expected in (
        "230", "150", "overlap", "scale_indices (part of entropy)", "not observable", "80 %",
        "missing-dependency: not installed", "nothing was measured", "Not a device measurement",
    ):  # fmt: skip
        assert expected in text, expected


def test_text_from_a_result_cannot_become_markup() -> None:
    hostile = make_run().model_copy(update={"notes": ("<script>alert(1)</script>",)})
    text = page([make_result(runs=[hostile])])
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_verdicts_and_comparisons_are_shown() -> None:
    old, new = make_result(), make_result(runs=[make_run(decode_ms=(300, 301, 302, 300, 303))])
    text = page([new], judge(new, Budgets(decode_milliseconds=150)), compare(old, new))
    assert "not a device measurement" in text
    assert "slower, bucket 2×" in text
