"""The APK is what an Android system accepts, as far as tools outside of one can tell."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from apk_archive import misaligned, write_zip
from make_apk import check, pack, sign

from pico_deploy.conformance.vector_set import VectorSet
from targets.programs import BuildError

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = [f"lib/{abi}/libpico_conform.so" for abi in ("arm64-v8a", "x86_64")]


def said(*command: str | Path) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    return done.stdout + done.stderr


def test_manifest_asks_for_android_8_and_no_permission_and_has_an_activity_to_start(
    apk: Path,
) -> None:
    badging = said("aapt", "dump", "badging", apk)
    assert "package: name='org.picodeploy.conform'" in badging
    assert "sdkVersion:'26'" in badging and "targetSdkVersion:'35'" in badging
    assert "launchable-activity: name='org.picodeploy.conform.ConformActivity'" in badging
    assert "native-code: 'arm64-v8a' 'x86_64'" in badging
    assert "uses-permission" not in badging
    tree = said("aapt", "dump", "xmltree", apk, "AndroidManifest.xml")
    assert re.search(r"exported\(0x[0-9a-f]+\)=\(type 0x12\)0xffffffff", tree)
    assert re.search(r"extractNativeLibs\(0x[0-9a-f]+\)=\(type 0x12\)0x0\b", tree)


def test_signature_of_schemes_2_and_3_verifies(apk: Path) -> None:
    verdict = said("apksigner", "verify", "--verbose", "--min-sdk-version", "26", apk)
    assert "v2 scheme (APK Signature Scheme v2): true" in verdict
    assert "v3 scheme (APK Signature Scheme v3): true" in verdict
    assert "Number of signers: 1" in verdict


def test_one_altered_byte_fails_the_check(apk: Path, tmp_path: Path) -> None:
    data = bytearray(apk.read_bytes())
    data[len(data) // 2] ^= 1
    altered = tmp_path / "altered.apk"
    altered.write_bytes(data)
    with pytest.raises(BuildError, match="apksigner"):
        check(altered)


def test_libraries_lie_uncompressed_at_pages_of_16_kib(apk: Path) -> None:
    check(apk)
    assert misaligned(apk) == []
    with zipfile.ZipFile(apk) as archive:
        for name in LIBRARIES:
            assert archive.getinfo(name).compress_type == zipfile.ZIP_STORED


@pytest.mark.parametrize("multiple", [4, 4096])
def test_library_off_its_page_fails_the_check(
    apk: Path, tmp_path: Path, multiple: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 4096 zipalign alone would be content: it knows small pages only."""
    with zipfile.ZipFile(apk) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    filler = {"assets/filler": bytes(multiple)}
    monkeypatch.setattr("apk_archive._multiple", lambda name: multiple)
    write_zip(tmp_path / "u.apk", filler | files, frozenset([*LIBRARIES, *filler]))
    sign(tmp_path / "u.apk", tmp_path / "off.apk", apk.with_name("debug.p12"))
    monkeypatch.undo()
    with pytest.raises(BuildError, match="zipalign" if multiple == 4 else "not at a multiple"):
        check(tmp_path / "off.apk")


def test_vectors_of_the_apk_are_the_published_set_and_packed_the_same_every_time(
    content: Path,
) -> None:
    published = ROOT / "conformance" / "vectors"
    ours, theirs = VectorSet.open(content / "vectors"), VectorSet.open(published)
    assert (ours.version, ours.names) == (theirs.version, theirs.names)
    assert pack(published) == (content / "assets" / "vectors.zip").read_bytes()


def test_tools_that_are_missing_are_named_with_their_packages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from make_apk import missing_tools

    monkeypatch.setattr(shutil, "which", lambda name: None)
    reason = missing_tools() or ""
    for package in ("aapt", "libsmali-java", "zipalign", "apksigner", "openjdk-17-jdk-headless"):
        assert package in reason
