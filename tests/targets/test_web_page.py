"""The page as a user has it: `serve` behind it, Chromium in front, driven by the tests in
``web_harness/e2e``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from tiny_codec import flat_blocks

from pico_deploy.errors import MissingDependencyError
from targets.web.built_page import page_folder
from targets.web.chromium import VARIABLE, find_chromium

HARNESS = Path(__file__).resolve().parents[2] / "web_harness"
COMMAND = "from pico_deploy.cli.app import main; main()"


def test_page_does_all_it_offers(tiny_bundle: Path, tmp_path: Path) -> None:
    pytest.importorskip("uvicorn", reason="pip install pico-deploy[web]")
    try:
        page_folder()
        chromium = find_chromium()
    except MissingDependencyError as error:
        pytest.skip(str(error))
    npm = shutil.which("npm")
    if npm is None or not (HARNESS / "node_modules").is_dir():
        pytest.skip("the packages of web_harness are not installed: run `make web` with Node 20")
    Image.fromarray(flat_blocks(250, 490)).save(tmp_path / "photo.png")
    settings = {
        "PICO_SERVE": json.dumps([sys.executable, "-c", COMMAND]),
        "PICO_BUNDLE": str(tiny_bundle),
        "PICO_PHOTO": str(tmp_path / "photo.png"),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        VARIABLE: chromium,
    }
    done = subprocess.run(
        [npm, "run", "--silent", "e2e"],
        cwd=HARNESS,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout
