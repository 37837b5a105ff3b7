"""The page's codec takes part in ``verify``: its streams decode everywhere, it decodes everybody's,
and whatever it gets wrong is found.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_codec import flat_blocks

from pico_deploy.bundle import open_bundle
from pico_deploy.conformance.images import TestImage
from pico_deploy.conformance.side_by_side import whole_codecs
from pico_deploy.conformance.thresholds import thresholds
from pico_deploy.conformance.verification import Verification
from pico_deploy.conformance.verify import Case, verify
from pico_deploy.errors import BundleError, MissingDependencyError, VerificationError
from pico_deploy.measure.result import Failure
from targets.errors import DisconnectedError
from targets.web.built_page import page_folder
from targets.web.chromium import VARIABLE, find_chromium

pytest.importorskip("starlette", reason="pip install pico-deploy[web]")
pytest.importorskip("uvicorn", reason="pip install pico-deploy[web]")

from page_stand_in import StandInPage
from web_client import Served

from targets.web.app import make_app
from targets.web.job import Desk, PageJob, PictureInfo
from targets.web.pairing import Pairing
from targets.web.server import WebServer
from targets.web.tasks import Answer, NoSuchTaskError, Ready, TaskBoard

CASES = [
    Case(TestImage("six-tiles", flat_blocks(130, 250)), 5),
    Case(TestImage("one-pixel", flat_blocks(1, 1)), 10),
]
WEB = "onnx-web/fp32"


def run(bundle: Path) -> Verification:
    with open_bundle(bundle) as opened:
        codecs = whole_codecs(opened.manifest)
    runtimes = ("onnx", "onnx-web")
    return verify(bundle, CASES, runtimes, thresholds(), pairwise=True, codecs=codecs)


def takes_part(found: Verification) -> None:
    """Both encode, both decode, and every pair was compared."""
    assert found.passed, found.failed[:1]
    assert found.encoders == found.decoders == ("onnx/fp32", WEB)
    assert [stream.encoder for stream in found.streams] == ["onnx/fp32", WEB] * len(CASES)
    symbols = {(c.encoder, c.by) for c in found.checks if c.kind == "symbols"}
    assert {("onnx/fp32", WEB), (WEB, "onnx/fp32"), (WEB, WEB), (WEB, "core/scalar")} <= symbols
    assert [(pair.one, pair.other) for pair in found.agreement] == [("onnx/fp32", WEB)]


def test_chromium_encodes_for_every_decoder_and_decodes_every_encoder(tiny_bundle: Path) -> None:
    try:
        page_folder()
        find_chromium()
    except MissingDependencyError as error:
        pytest.skip(str(error))
    found = run(tiny_bundle)
    takes_part(found)
    hashes = {s.encoder: s.emitted_symbols_sha256 for s in found.streams if s.level == 5}
    assert hashes[WEB] == hashes["onnx/fp32"]


@pytest.fixture
def page(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[StandInPage]:
    """A page without a browser, in place of both."""
    monkeypatch.setattr(StandInPage, "bundle", tiny_bundle, raising=False)
    monkeypatch.setattr("targets.web.codec.page_folder", lambda: tmp_path)
    monkeypatch.setattr("targets.web.codec.find_chromium", lambda: "")
    monkeypatch.setattr("targets.web.codec.Chromium", StandInPage)
    return StandInPage


def test_honest_page_passes(page: type[StandInPage], tiny_bundle: Path) -> None:
    takes_part(run(tiny_bundle))


@pytest.mark.parametrize(
    ("fault", "kind", "encoder"),
    [
        ("alters a symbol: encode", "symbols", WEB),
        ("alters a symbol: decode", "symbols", "onnx/fp32"),
        ("brightens", "pixels", "onnx/fp32"),
    ],
)
def test_wrong_answer_of_a_page_fails_the_check_it_belongs_to(
    page: type[StandInPage],
    tiny_bundle: Path,
    fault: str,
    kind: str,
    encoder: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(page, "fault", fault)
    found = run(tiny_bundle)
    assert not found.passed
    assert (kind, encoder) in {(check.kind, check.encoder) for check in found.failed}
    blamed = {check.by for check in found.failed if check.encoder == "onnx/fp32"}
    assert blamed <= {WEB}


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        ("loses a symbol", VerificationError, "symbols; 6 tiles have"),
        ("loses a pixel", VerificationError, "bytes of pixels for a picture of 250×130"),
        ("fails", VerificationError, r"the page failed \(error\): out of memory"),
        ("dies", DisconnectedError, "ended with code 3: out of memory"),
        ("does not open", BundleError, "does not open in the browser: no such layer"),
    ],
)
def test_page_that_cannot_answer_is_one_error_with_its_reason(
    page: type[StandInPage],
    tiny_bundle: Path,
    fault: str,
    error: type[Exception],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(page, "fault", fault)
    with pytest.raises(error, match=message):
        run(tiny_bundle)


def test_what_is_missing_is_named_and_the_others_go_on(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("targets.web.codec.page_folder", lambda: tmp_path)
    monkeypatch.setenv(VARIABLE, "no-such-browser")
    found = run(tiny_bundle)
    assert found.passed and found.encoders == ("onnx/fp32",)
    (reason,) = [skipped.reason for skipped in found.not_run if "onnx-web" in skipped.what]
    assert "apt-get install chromium" in reason
    monkeypatch.setattr("targets.web.codec.page_folder", lambda: page_folder(tmp_path))
    reasons = [skipped.reason for skipped in run(tiny_bundle).not_run]
    assert any("run `make web`" in reason for reason in reasons)


SMALL = PictureInfo(name="picture", source="file", width=1, height=1)


def test_board_gives_a_task_once_and_takes_an_answer_once() -> None:
    board = TaskBoard()
    board.encode(SMALL, b"rgb", 5)
    task = board.take(0)
    assert task is not None and (task.operation, task.level) == ("encode", 5)
    assert board.take(0) is None
    assert board.input(task.number) == b"rgb"
    with pytest.raises(NoSuchTaskError):
        board.finish(task.number, b"stream")  # its symbols did not come yet
    board.keep_symbols(task.number, b"symbols")
    board.finish(task.number, b"stream")
    with pytest.raises(NoSuchTaskError):
        board.fail(task.number, Failure(code="late", message="too late"))
    assert [board.heard.get() for _ in range(2)] == [Ready(), Answer(b"symbols", b"stream")]
    assert board.heard.empty()


def test_tasks_want_a_key_and_the_number_of_the_open_one(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<title>page</title>")
    board, pairing = TaskBoard(), Pairing()
    job = PageJob(bundle="b", mode="tasks", provider="wasm", threads=1)
    desk = Desk(job, lambda path: None, None, lambda result, stream: (result, ""))
    with WebServer(make_app(tmp_path, desk, pairing, board), "127.0.0.1") as server:
        client = Served(server.port, pairing)
        key = client.pair()
        board.decode(b"stream")
        for path in ("/api/task", "/api/task/1/input"):
            assert client.request("GET", path).status == 401
        assert client.request("GET", "/api/task", key=key).json["number"] == 1
        assert client.request("GET", "/api/task/1/input", key=key).body == b"stream"
        for path in ("/api/task/1/output", "/api/task/2/symbols"):
            answer = client.request("POST", path, b"", key)
            assert answer.status == 404 and "not being worked on" in answer.json["message"]
