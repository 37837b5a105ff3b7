"""The page's server gives nothing to who is not paired, and keeps nothing that does not hold."""

from __future__ import annotations

import hashlib
import json
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tiny_codec import flat_blocks, write_tiny_bundle
from web_client import Served, honest, served

from pico_deploy.measure.result import Failure, Result
from pico_deploy.measure.store import dump
from pico_deploy.runtime.session import Session

pytest.importorskip("starlette", reason="pip install pico-deploy[web]")
pytest.importorskip("uvicorn", reason="pip install pico-deploy[web]")

POSTS = ["/api/stream", "/api/results", "/api/progress", "/api/failure"]
KEYED = [("GET", "/api/job"), ("GET", "/api/picture"), ("GET", "/bundle/manifest.json")]
KEYED += [("POST", path) for path in POSTS]


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.uint8]:
    return flat_blocks(130, 250)


@pytest.fixture(scope="module")
def running(
    tiny_bundle: Path, pixels: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    page = folder / "page"
    page.mkdir()
    (page / "index.html").write_text("<title>page</title>")
    (folder / "secret.txt").write_text("secret")
    Image.fromarray(pixels).save(folder / "photo.png")
    with served(tiny_bundle, folder / "photo.png", page) as state:
        yield state


@pytest.fixture
def server(running: Served) -> Served:
    running.kept.clear()
    running.heard.clear()
    return running


@pytest.mark.parametrize("path", ["/", "/index.html", "/api/job", "/bundle/x", "/absent"])
def test_every_answer_isolates_the_page(server: Served, path: str) -> None:
    headers = server.request("GET", path).headers
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-embedder-policy"] == "require-corp"
    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("method", "path"), KEYED)
@pytest.mark.parametrize("key", [None, "", "wrong"])
def test_without_a_key_there_is_nothing(
    server: Served, method: str, path: str, key: str | None
) -> None:
    server.pair()
    answer = server.request(method, path, b"{}" if method == "POST" else None, key)
    assert answer.status == 401
    assert "open the link" in answer.json["message"]
    assert not server.kept and not server.heard


def test_link_opens_once_and_the_next_one_opens_another_page(server: Served) -> None:
    token = server.pairing.token
    body = json.dumps({"token": token})
    first = server.request("POST", "/api/session", body)
    assert server.request("POST", "/api/session", body).status == 401
    second = server.pair()
    for key in (first.json["key"], second):
        assert server.request("GET", "/api/job", key=key).status == 200
    # the token is no key, and a key is no token
    assert server.request("GET", "/api/job", key=token).status == 401
    assert server.request("POST", "/api/session", json.dumps({"token": second})).status == 401


def test_bundle_and_picture_arrive_byte_for_byte(
    server: Served, tiny_bundle: Path, pixels: NDArray[np.uint8]
) -> None:
    key = server.pair()
    for name in ("manifest.json", "entropy.bin", "onnx/analysis.onnx", "onnx/synthesis.onnx"):
        answer = server.request("GET", f"/bundle/{name}", key=key)
        assert answer.body == (tiny_bundle / name).read_bytes()
    assert server.request("GET", "/api/picture", key=key).body == pixels.tobytes()
    job = server.request("GET", "/api/job", key=key).json
    assert (job["picture"]["width"], job["picture"]["height"]) == (250, 130)


OUTSIDE = [
    "../secret.txt",
    "../../secret.txt",
    "onnx/../entropy.bin",
    "./entropy.bin",
    "/etc/passwd",
    "..\\secret.txt",
    "onnx",
    "",
    "entropy.bin\0",
]


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("quoted", [False, True])
def test_no_path_leads_out_of_the_bundle(server: Served, name: str, quoted: bool) -> None:
    key = server.pair()
    path = urllib.parse.quote(name, safe="" if quoted else "/.")
    answer = server.request("GET", f"/bundle/{path}", key=key)
    assert answer.status == 404
    assert b"secret" not in answer.body


@pytest.mark.parametrize("path", ["/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt"])
def test_no_path_leads_out_of_the_page(server: Served, path: str) -> None:
    answer = server.request("GET", path)
    assert answer.status == 404
    assert b"secret" not in answer.body


@pytest.mark.parametrize("path", [*POSTS, "/api/session"])
def test_body_beyond_its_limit_is_refused(
    server: Served, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in ("MESSAGE_LIMIT_BYTES", "RESULT_LIMIT_BYTES", "STREAM_LIMIT_BYTES"):
        monkeypatch.setattr(f"targets.web.app.{limit}", 1000)
    key = server.pair()
    answer = server.request("POST", path, b" " * 1001, key)
    assert answer.status == 413
    assert "1000 bytes" in answer.json["message"]
    assert not server.kept and not server.heard


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"done": -1}', b'{"code": 1}', b"\xff"])
@pytest.mark.parametrize("path", ["/api/progress", "/api/failure", "/api/session", "/api/results"])
def test_nonsense_is_refused_in_one_line(server: Served, path: str, body: bytes) -> None:
    answer = server.request("POST", path, body, server.pair())
    assert answer.status == 422
    assert "\n" not in answer.json["message"]
    assert not server.kept and not server.heard


def post(server: Served, result: Result, stream: bytes) -> tuple[int, str]:
    key = server.pair()
    assert server.request("POST", "/api/stream", stream, key).status == 200
    answer = server.request("POST", "/api/results", dump(result), key)
    return answer.status, str(answer.json.get("message", ""))


def test_result_that_holds_is_kept(
    server: Served, session: Session, pixels: NDArray[np.uint8]
) -> None:
    result, stream = honest(session, pixels)
    assert post(server, result, stream) == (200, "")
    assert server.kept == [result]


def test_progress_and_failure_are_heard(server: Served) -> None:
    key = server.pair()
    server.request("POST", "/api/progress", '{"done": 1, "total": 3, "what": "encode"}', key)
    server.request("POST", "/api/failure", '{"code": "bad-input", "message": "no"}', key)
    assert server.heard[-1] == Failure(code="bad-input", message="no")
    assert len(server.heard) == 2


def with_hash(result: Result, name: str, value: str) -> Result:
    run = result.runs[0]
    hashes = run.hashes.model_copy(update={name: value})
    return result.model_copy(update={"runs": (run.model_copy(update={"hashes": hashes}),)})


@pytest.mark.parametrize("name", ["emitted_symbols_sha256", "decoded_symbols_sha256"])
def test_page_whose_symbols_are_not_those_of_its_stream_is_found_out(
    server: Served, session: Session, pixels: NDArray[np.uint8], name: str
) -> None:
    result, stream = honest(session, pixels)
    status, message = post(server, with_hash(result, name, "0" * 64), stream)
    assert status == 422 and "decodes here to symbols" in message
    assert not server.kept


def test_result_without_its_stream_is_not_kept(
    server: Served, session: Session, pixels: NDArray[np.uint8]
) -> None:
    result, stream = honest(session, pixels)
    status, message = post(server, result, stream + b"\0")
    assert status == 422 and "was not posted before" in message
    assert not server.kept


def test_stream_that_does_not_decode_here_is_not_kept(
    server: Served, session: Session, pixels: NDArray[np.uint8]
) -> None:
    result, stream = honest(session, pixels)
    damaged = bytearray(stream)
    damaged[-9] ^= 1
    named = with_hash(result, "stream_sha256", hashlib.sha256(damaged).hexdigest())
    status, message = post(server, named, bytes(damaged))
    assert status == 422 and "does not decode here" in message
    assert not server.kept


def test_result_about_another_bundle_is_not_kept(
    server: Served, pixels: NDArray[np.uint8], tmp_path: Path
) -> None:
    other = write_tiny_bundle(tmp_path / "tiny.bundle", model_version="2")
    with Session.open(other) as session:
        status, message = post(server, *honest(session, pixels))
    assert status == 422 and "another bundle" in message
    assert not server.kept
