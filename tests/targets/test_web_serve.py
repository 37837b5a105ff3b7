"""`serve` gives every device a link of its own and keeps each result that holds, as a claim."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import urllib.parse
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_codec import flat_blocks
from web_client import honest

from pico_deploy.errors import OutputError, UsageError
from pico_deploy.measure.protocol import Job
from pico_deploy.measure.result import Provenance
from pico_deploy.measure.store import dump, load
from pico_deploy.runtime.session import Session

pytest.importorskip("starlette", reason="pip install pico-deploy[web]")
pytest.importorskip("segno", reason="pip install pico-deploy[web]")

from targets.web.certificate import make_certificate
from targets.web.serve import Heard, Link, Offer, Stored, serve


@pytest.fixture
def job(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Job, np.ndarray]:
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("<title>page</title>")
    monkeypatch.setattr("targets.web.serve.page_folder", lambda: tmp_path / "page")
    pixels = flat_blocks(130, 250)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return Job(bundle=tiny_bundle, photo=tmp_path / "photo.png", level=5), pixels


def device(link: Link, body: str, stream: bytes, context: ssl.SSLContext | None) -> int:
    """A phone: opens the link, trades its token, posts what it measured."""
    url = urllib.parse.urlsplit(link.url)
    assert url.hostname is not None

    def send(path: str, data: bytes | str, key: str = "") -> tuple[int, bytes]:
        connection = (
            http.client.HTTPConnection(url.hostname or "", url.port, timeout=20)
            if context is None
            else http.client.HTTPSConnection(url.hostname or "", url.port, context=context)
        )
        connection.request("POST", path, data, {"Authorization": f"Bearer {key}"})
        response = connection.getresponse()
        answer = response.status, response.read()
        connection.close()
        return answer

    token = urllib.parse.parse_qs(url.fragment)["token"][0]
    key = json.loads(send("/api/session", json.dumps({"token": token}))[1])["key"]
    send("/api/stream", stream, key)
    return send("/api/results", body, key)[0]


@pytest.mark.parametrize("plain", [False, True])
def test_two_devices_get_a_link_each_and_both_results_are_kept(
    job: tuple[Job, np.ndarray], session: Session, tmp_path: Path, plain: bool
) -> None:
    result, stream = honest(session, job[1])
    heard: list[Heard] = []
    arrived = threading.Condition()
    out = tmp_path / "out"

    def hear(event: Heard) -> None:
        with arrived:
            heard.append(event)
            arrived.notify()
        if sum(isinstance(e, Stored) for e in heard) == 2:
            raise KeyboardInterrupt  # what a user does when all is there

    def phones() -> None:
        for number in range(2):
            with arrived:
                arrived.wait_for(lambda n=number: len(links(heard)) > n, timeout=20)  # type: ignore[misc]
            link = links(heard)[number]
            context = None if plain else trusting(link)
            assert device(link, dump(result), stream, context) == 200

    thread = threading.Thread(target=phones)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        serve(job[0], Offer(out, host="127.0.0.1", plain=plain), hear)
    thread.join()
    assert len({link.url for link in links(heard)}) >= 2
    assert sorted(path.name for path in out.iterdir()) == ["web-001.json", "web-002.json"]
    kept = load(out / "web-001.json")
    assert kept.provenance is Provenance.CLAIMED  # whatever the page said
    assert kept.runs == result.runs


def links(heard: list[Heard]) -> list[Link]:
    return [event for event in heard if isinstance(event, Link)]


def trusting(link: Link) -> ssl.SSLContext:
    """As a user who accepts the warning; the link must say https."""
    assert link.url.startswith("https://")
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def test_certificate_is_for_the_address_and_its_key_is_private(tmp_path: Path) -> None:
    from cryptography import x509

    certificate = make_certificate("192.0.2.7", tmp_path)
    parsed = x509.load_pem_x509_certificate(certificate.chain.read_bytes())
    names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.7"]
    assert certificate.key.stat().st_mode & 0o077 == 0
    ssl.create_default_context().load_cert_chain(certificate.chain, certificate.key)


def test_qr_code_is_drawn_in_characters(job: tuple[Job, np.ndarray], tmp_path: Path) -> None:
    def hear(event: Heard) -> None:
        assert isinstance(event, Link)
        assert len(event.qr.splitlines()) > 15 and set(event.qr) <= set("█▀▄ \n")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        serve(job[0], Offer(tmp_path / "out", host="127.0.0.1"), hear)


def test_what_cannot_be_served_is_said_before_a_link_is_shown(
    job: tuple[Job, np.ndarray], tmp_path: Path
) -> None:
    def hear(event: Heard) -> None:
        raise AssertionError("a link was shown")

    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        serve(job[0], Offer(tmp_path / "file" / "out"), hear)
    with pytest.raises(UsageError):
        serve(job[0].model_copy(update={"level": 99}), Offer(tmp_path / "out"), hear)
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageError, match="--port"):
        serve(job[0], Offer(tmp_path / "out", "127.0.0.1", taken.getsockname()[1]), hear)
