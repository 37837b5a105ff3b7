"""Plays ``am`` and the Android harness behind it: takes the extras of ``am start`` and leaves in
the run's folder what ``STAND_IN`` says, as the app would. Run by the test adbd's shell.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main() -> None:
    script = json.loads(Path(os.environ["STAND_IN"]).read_text())
    words = sys.argv[1:]
    extras = {words[i + 1]: words[i + 2] for i, word in enumerate(words) if word == "--es"}
    component = words[words.index("-n") + 1]
    folder = Path(script["files"]) / extras["folder"]
    pushed = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    call = {"component": component, "extras": extras, "pushed": pushed}
    Path(script["log"]).write_text(json.dumps(call))
    if not script["installed"]:
        sys.stdout.write(f"Error: Activity class {{{component}}} does not exist.\n")
        return
    sys.stdout.write("Status: ok\n")
    for name, text in script["leaves"].items():
        (folder / name).write_text(text)
    (folder / "ended.txt").write_text(script["token"] or extras["token"])


if __name__ == "__main__":
    main()
