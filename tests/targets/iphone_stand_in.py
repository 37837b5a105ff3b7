"""Stands in for ``xcrun devicectl`` and for go-ios's ``ios``: answers in their shapes
(tests/targets/recorded) and keeps the phone's files in a folder.

``IPHONE`` names a JSON file: ``folder``, ``version`` (of devicectl's JSON), ``error`` (or null:
code, description, reason), ``app`` (what an app prints to both outputs), ``exit``, ``log``.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parent / "recorded"


def option(arguments: list[str], name: str) -> str:
    return arguments[arguments.index(name) + 1]


def launch(phone: dict[str, Any], arguments: list[str]) -> None:
    if phone.get("hangs"):
        time.sleep(60)
    print(" ".join(phone["app"]))
    print(json.dumps(arguments), file=sys.stderr)


def copy(phone: dict[str, Any], source: str, destination: str, into: bool) -> str | None:
    folder = Path(phone["folder"])
    start, end = (
        (Path(source), folder / destination) if into else (folder / source, Path(destination))
    )
    if not start.is_file():
        return source
    end.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(start, end)
    return None


def failure(code: int, description: str, reason: str, command: str) -> str:
    text = (RECORDED / "devicectl-error.json").read_text()
    text = text.replace("DESCRIPTION", description).replace("REASON", reason)
    document = json.loads(text.replace("COMMAND", command))
    document["error"]["code"] = code
    return json.dumps(document)


def devicectl(phone: dict[str, Any], arguments: list[str]) -> int:
    output = Path(option(arguments, "--json-output"))
    rest = arguments[arguments.index("--quiet") + 1 :]
    command = ".".join(["devicectl", *rest[:3]])
    if phone["error"]:
        output.write_text(failure(*phone["error"], command))
        return 1
    missing = None
    result: dict[str, Any] = {"deviceIdentifier": "8648BE6E-0000-55FE-B508-000000000001"}
    if rest[:2] == ["list", "devices"] or rest[:3] == ["device", "info", "details"]:
        kind = "list" if rest[0] == "list" else "details"
        output.write_text((RECORDED / f"devicectl-{kind}-v{phone['version']}.json").read_text())
        return 0
    if rest[:2] == ["device", "copy"]:
        into = rest[2] == "to"
        missing = copy(phone, option(rest, "--source"), option(rest, "--destination"), into)
    elif rest[:3] == ["device", "process", "launch"]:
        launch(phone, rest)
        result["process"] = {"executable": "file:///x/PicoHarness", "processIdentifier": 1234}
    elif rest[:3] == ["device", "install", "app"]:
        result["installedApplications"] = [{"bundleID": "org.pico-deploy.PicoHarness"}]
    if missing:
        text = f"Failed to retrieve the file node for {missing}"
        output.write_text(failure(7000, text, "", command))
        return 1
    info = {"commandType": command, "jsonVersion": phone["version"], "outcome": "success"}
    output.write_text(json.dumps({"info": info, "result": result}))
    return int(phone["exit"])


def go_ios(phone: dict[str, Any], arguments: list[str]) -> int:
    given = {k[2:]: v for k, _, v in (a.partition("=") for a in arguments) if k.startswith("--")}
    reason = phone["error"][1] if phone["error"] else None
    if arguments[0] == "list" and not reason:
        print(json.dumps({"deviceList": ["00008110-0000000000000001"]}))
    elif arguments[0] == "info" and not reason:
        print((RECORDED / "go-ios-info.json").read_text())
    elif arguments[0] == "fsync" and not reason:
        source, destination = given["srcPath"], given["dstPath"]
        into = "push" in arguments
        source, destination = (source, destination[1:]) if into else (source[1:], destination)
        missing = copy(phone, source, destination, into)
        reason = f"open {missing}: no such file" if missing else None
    elif arguments[0] == "launch" and not reason:
        launch(phone, arguments)
        return int(phone["exit"])
    if reason:
        line = {"err": reason, "level": "fatal", "msg": "failed", "time": "2026-01-01T00:00:00Z"}
        print(json.dumps(line), file=sys.stderr)
        return 1
    return 0


def main() -> None:
    phone = json.loads(Path(os.environ["IPHONE"]).read_text())
    name, arguments = sys.argv[1], sys.argv[2:]
    with Path(phone["log"]).open("a") as log:
        log.write(json.dumps([name, *arguments]) + "\n")
    if name == "xcrun":
        sys.exit(devicectl(phone, arguments[1:]))
    sys.exit(go_ios(phone, arguments))


main()
