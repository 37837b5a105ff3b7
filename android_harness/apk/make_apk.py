"""The conformance APK without Gradle: ``make_apk.py -o out/conform.apk`` (docs/android.md).

Needs Debian's aapt, android-framework-res, libsmali-java, zipalign, apksigner and a JDK, and zig
from PyPI. The key is made by the first build and kept in ``build/apk``; it proves nothing about who
built the APK.
"""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
import zipfile
from pathlib import Path

from apk_archive import misaligned, write_zip
from apk_library import ABIS, HERE, MIN_SDK, NAME, build, run

from pico_deploy.conformance.vector_set import VectorSet
from pico_deploy.errors import MissingDependencyError, run_script
from targets.programs import BuildError

ROOT = HERE.parents[1]
VECTORS = ROOT / "conformance" / "vectors"
FRAMEWORK = Path("/usr/share/android-framework-res/framework-res.apk")
_KEY = ROOT / "build" / "apk" / "debug.p12"
_PASSWORD = "android"
_TOOLS = {
    "aapt": "aapt",
    "smali": "libsmali-java",
    "zipalign": "zipalign",
    "apksigner": "apksigner",
    "keytool": "openjdk-17-jdk-headless",
}


def missing_tools() -> str | None:
    """What is not installed, with the command that does; None when nothing is missing."""
    packages = [package for tool, package in _TOOLS.items() if shutil.which(tool) is None]
    if not FRAMEWORK.is_file():
        packages.append("android-framework-res")
    return f"apt-get install {' '.join(packages)}" if packages else None


def build_apk(apk: Path, vectors: Path = VECTORS, key: Path = _KEY) -> None:
    """Build, align, sign and check. Raises ``MissingDependencyError``, ``BuildError``,
    ``VectorSetError`` for a folder that is not the set it should be.
    """
    if absent := missing_tools():
        raise MissingDependencyError(f"the APK needs more tools: {absent}")
    files = {"assets/vectors.zip": pack(VectorSet.open(vectors).folder)}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        files |= {"AndroidManifest.xml": _manifest(folder), "classes.dex": _classes(folder)}
        for abi in ABIS:
            files[f"lib/{abi.name}/{NAME}"] = build(abi, folder).read_bytes()
        unsigned = folder / "unsigned.apk"
        stored = frozenset(name for name in files if name.endswith((".so", ".zip", ".dex")))
        write_zip(unsigned, dict(sorted(files.items())), stored)
        sign(unsigned, apk, key)
    check(apk)


def pack(vectors: Path) -> bytes:
    """All files of a vector set as one zip, the same bytes every time."""
    paths = sorted(path for path in vectors.rglob("*") if path.is_file())
    held = io.BytesIO()
    names = {path.relative_to(vectors).as_posix(): path.read_bytes() for path in paths}
    write_zip(held, names)
    return held.getvalue()


def sign(unsigned: Path, apk: Path, key: Path) -> None:
    """Sign with schemes 2 and 3, which every system since API 26 reads."""
    if not key.is_file():
        key.parent.mkdir(parents=True, exist_ok=True)
        run(
            *("keytool", "-genkeypair", "-keystore", str(key), "-storetype", "PKCS12"),
            *("-storepass", _PASSWORD, "-alias", "debug", "-keyalg", "RSA", "-keysize", "2048"),
            *("-validity", "10000", "-dname", "CN=pico-deploy debug"),
        )
    apk.parent.mkdir(parents=True, exist_ok=True)
    run(
        *("apksigner", "sign", "--ks", str(key), "--ks-pass", f"pass:{_PASSWORD}"),
        *("--min-sdk-version", str(MIN_SDK), "--v1-signing-enabled", "false"),
        *("--v2-signing-enabled", "true", "--v3-signing-enabled", "true"),
        *("--out", str(apk), str(unsigned)),
    )


def check(apk: Path) -> None:
    """Signature and alignment; raises ``BuildError``."""
    run("apksigner", "verify", "--min-sdk-version", str(MIN_SDK), str(apk))
    run("zipalign", "-c", "-p", "4", str(apk))
    if names := misaligned(apk):
        raise BuildError(f"{apk}: not at a multiple of 16 KiB: {', '.join(names)}")


def _manifest(folder: Path) -> bytes:
    made = folder / "manifest.apk"
    manifest = str(HERE / "AndroidManifest.xml")
    run("aapt", "package", "-f", "-M", manifest, "-I", str(FRAMEWORK), "-F", str(made))
    with zipfile.ZipFile(made) as archive:
        return archive.read("AndroidManifest.xml")


def _classes(folder: Path) -> bytes:
    made = folder / "classes.dex"
    texts = sorted(str(path) for path in (HERE / "smali").glob("*.smali"))
    run("smali", "assemble", "--api", str(MIN_SDK), "-o", str(made), *texts)
    return made.read_bytes()


def main() -> None:
    """Build the APK and say where it is and how to run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=Path("out/conform.apk"))
    parser.add_argument("--vectors", type=Path, default=VECTORS)
    arguments = parser.parse_args()
    build_apk(arguments.output, arguments.vectors)
    print(
        f"{arguments.output}: {arguments.output.stat().st_size} bytes, signature and alignment good"
    )
    print(f"adb install -r {arguments.output}")
    print("adb shell am start -n org.picodeploy.conform/.ConformActivity")


if __name__ == "__main__":
    run_script(main)
