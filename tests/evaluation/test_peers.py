"""Every peer's size is that of the file it would write, and its pixels come out of that file."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pico_deploy.conformance.pixels import Pixels, compare_pixels
from pico_deploy.errors import InputError, MissingDependencyError
from pico_deploy.evaluation import vvc
from pico_deploy.evaluation.coders import Coder
from pico_deploy.evaluation.peers import PEERS
from pico_deploy.evaluation.vvc import VvcCoder, open_vvc

MAGIC = {
    "jpeg": (0, b"\xff\xd8"),
    "webp": (8, b"WEBP"),
    "avif": (4, b"ftypavif"),
    "heic": (4, b"ftypheic"),
    "jxl": (0, b"\xff\x0a"),
    "jpeg2000": (4, b"jP  "),
    "vvc": (0, b"\xa7\x00\x63\x00\x00\x00\x00\x01"),
}


def picture(height: int, width: int) -> Pixels:
    coarse = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def made(name: str) -> Coder:
    try:
        return PEERS[name]()
    except MissingDependencyError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_writes_a_file_of_its_format_and_reads_it_at_the_same_size(name: str) -> None:
    peer = made(name)
    pixels = picture(99, 167)  # odd, which formats with halved colour must survive
    data = peer.encode(pixels, peer.settings[-1])
    place, magic = MAGIC[name]
    assert data[place : place + len(magic)] == magic
    found = peer.decode(data)
    assert found.dtype == np.uint8
    assert compare_pixels(pixels, found).psnr_db > 25


@pytest.mark.parametrize("name", PEERS)
def test_the_settings_of_a_peer_rise_or_fall_in_rate_throughout(name: str) -> None:
    peer = made(name)
    noise = np.random.default_rng(1).integers(0, 96, (128, 192, 3), np.uint8)
    noisy = picture(128, 192) // 2 + noise
    sizes = [len(peer.encode(noisy, setting)) for setting in peer.settings]
    assert sizes == sorted(set(sizes))


def test_jpeg_is_420_and_optimised() -> None:
    data = PEERS["jpeg"]().encode(picture(48, 64), 75)
    with Image.open(io.BytesIO(data)) as image:
        assert isinstance(image, Image.Image)
        assert [layer[1:3] for layer in image.layer] == [(2, 2), (1, 1), (1, 1)]  # type: ignore[attr-defined]
    plain = io.BytesIO()
    Image.fromarray(picture(48, 64)).save(plain, "JPEG", quality=75, subsampling="4:2:0")
    assert len(data) < len(plain.getvalue())


def test_identities_name_versions_so_that_an_update_is_coded_again() -> None:
    for name in PEERS:
        assert any(character.isdigit() for character in made(name).identity)


def test_an_ffmpeg_that_fails_or_says_nothing_is_an_error(tmp_path: Path) -> None:
    for script in ("#!/bin/sh\necho broken >&2; exit 1\n", "#!/bin/sh\ncat >/dev/null\n"):
        program = tmp_path / "ffmpeg"
        program.write_text(script)
        program.chmod(0o755)
        with pytest.raises(InputError, match="ffmpeg failed on VVC"):
            VvcCoder(str(program), "0").encode(picture(16, 16), 30)


def test_an_ffmpeg_without_vvenc_is_named_as_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "plain-ffmpeg"
    program.write_text("#!/bin/sh\necho ' D.V.L. vvc (decoders: vvc )'\n")
    program.chmod(0o755)
    monkeypatch.setattr(vvc, "_programs", lambda: [str(program)])
    with pytest.raises(MissingDependencyError, match="plain-ffmpeg"):
        open_vvc()
