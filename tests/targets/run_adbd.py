"""The test phone by hand: ``python tests/targets/run_adbd.py``, then ``adb connect`` what it
prints. Ends with Ctrl-C.
"""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

from adbd import Adbd
from phones import TEST_PHONE


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        phone = Adbd(Path(folder) / "phone", TEST_PHONE)
        print(f"adb connect 127.0.0.1:{phone.port}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            phone.stop()


if __name__ == "__main__":
    main()
