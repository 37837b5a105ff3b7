"""Stands in for ``xcodebuild`` and ``xcrun`` on machines without Xcode: replays output of the
shapes that Xcode 16 gives (field names as published by users of the tool; values made up).

``STAND_IN`` names a JSON file: ``exit``, ``summary``, ``attachments`` (name → text), ``log``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main() -> None:
    script = json.loads(Path(os.environ["STAND_IN"]).read_text())
    arguments = sys.argv[1:]
    call = {"argv": sys.argv, "level": os.environ.get("TEST_RUNNER_PICO_LEVEL")}
    with Path(script["log"]).open("a") as log:
        log.write(json.dumps(call) + "\n")
    if "test-without-building" in arguments:
        if script.get("writes_bundle", True):
            Path(arguments[arguments.index("-resultBundlePath") + 1]).mkdir()
        print("** TEST EXECUTE FAILED **" if script["exit"] else "** TEST EXECUTE SUCCEEDED **")
        sys.exit(script["exit"])
    if arguments[:2] == ["xcresulttool", "get"]:
        print(json.dumps(script["summary"]))
    elif arguments[:2] == ["xcresulttool", "export"]:
        folder = Path(arguments[arguments.index("--output-path") + 1])
        entries = []
        for number, (name, text) in enumerate(script["attachments"].items()):
            (folder / f"{number}.json").write_text(text)
            entries.append(
                {
                    "exportedFileName": f"{number}.json",
                    "suggestedHumanReadableName": name,
                    "isAssociatedWithFailure": False,
                    "deviceName": "phone",
                    "deviceId": "00008150-0000000000000001",
                }
            )
        manifest = [{"testIdentifier": "BenchmarkTests/test", "attachments": entries}]
        (folder / "manifest.json").write_text(json.dumps(manifest))
    else:
        sys.exit("unknown command")


main()
