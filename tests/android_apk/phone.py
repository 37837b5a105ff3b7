"""What the activity touches of Java and Android, over a folder of this machine."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dalvik import Framework, Instance, JavaError, Machine
from smali_text import Class

_STRING = "Ljava/lang/String;"
CONFORM = f"Lorg/picodeploy/conform/Conform;->run({_STRING}{_STRING}{_STRING})I"
ACTIVITY = "Lorg/picodeploy/conform/ConformActivity;"
_FILE = "Ljava/io/File;"
PARENTS = {
    "Landroid/app/Activity;": ["Landroid/content/Context;"],
    "Landroid/widget/TextView;": ["Landroid/view/View;"],
    "Ljava/util/zip/ZipInputStream;": ["Ljava/io/InputStream;"],
}


@dataclass
class Phone:
    """``native`` stands for the library, ``kernels`` for the extra of the intent; without
    ``external`` there is no storage that others reach.
    """

    folder: Path
    assets: Path
    native: Callable[[str, str, str], int]
    kernels: str | None = None
    external: bool = True
    log: list[tuple[str, ...]] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)

    def start(self, classes: list[Class]) -> None:
        """Open the activity; its thread runs to the end."""
        self.machine = Machine(classes, self._framework(), PARENTS)
        activity = self.machine.new(ACTIVITY)
        signature = "onCreate(Landroid/os/Bundle;)V"
        self.machine.invoke("invoke-virtual", ACTIVITY, signature, [activity, None])

    def _file(self, path: Path) -> Instance:
        return Instance(_FILE, path, initialised=True)

    def _storage(self, name: str) -> Instance:
        (self.folder / name).mkdir(exist_ok=True)
        return self._file(self.folder / name)

    def _asset(self, name: str) -> Instance:
        if not (self.assets / name).is_file():
            raise JavaError(f"java.io.FileNotFoundException: {name}")
        data = io.BytesIO((self.assets / name).read_bytes())
        return Instance("Ljava/io/InputStream;", data, initialised=True)

    def _run(self, runnable: Instance) -> None:
        self.machine.invoke("invoke-virtual", runnable.type, "run()V", [runnable])

    def _told(self, *words: Any) -> int:
        self.log.append(tuple(w.value if isinstance(w, Instance) else w for w in words))
        return 0

    def _framework(self) -> Framework:
        activity: Framework = {
            "<init>()V": lambda this: None,
            "onCreate(Landroid/os/Bundle;)V": lambda this, state: None,
            "setContentView(Landroid/view/View;)V": lambda this, view: None,
            "runOnUiThread(Ljava/lang/Runnable;)V": lambda this, work: self._run(work),
            "getFilesDir()Ljava/io/File;": lambda this: self._storage("files"),
            "getExternalFilesDir(Ljava/lang/String;)Ljava/io/File;": lambda this, kind: (
                self._storage("external") if self.external else None
            ),
            "getAssets()Landroid/content/res/AssetManager;": lambda this: Instance(
                "Landroid/content/res/AssetManager;", initialised=True
            ),
            "getIntent()Landroid/content/Intent;": lambda this: Instance(
                "Landroid/content/Intent;", initialised=True
            ),
        }
        found: Framework = {
            "Ljava/lang/Object;-><init>()V": lambda this: None,
            "Ljava/lang/System;->loadLibrary(Ljava/lang/String;)V": self.loaded.append,
            "Ljava/lang/Throwable;->toString()Ljava/lang/String;": lambda this: this.value,
            "Ljava/lang/Thread;-><init>(Ljava/lang/Runnable;)V": _set,
            "Ljava/lang/Thread;->start()V": lambda this: self._run(this.value),
            "Landroid/content/res/AssetManager;->open(Ljava/lang/String;)Ljava/io/InputStream;": (
                lambda this, name: self._asset(name)
            ),
            "Landroid/content/Intent;->getStringExtra(Ljava/lang/String;)Ljava/lang/String;": (
                lambda this, name: self.kernels if name == "kernels" else None
            ),
            "Landroid/widget/TextView;-><init>(Landroid/content/Context;)V": _set,
            "Landroid/widget/TextView;->setText(Ljava/lang/CharSequence;)V": (
                lambda this, text: self.shown.append(text)
            ),
            "Landroid/util/Log;->i(Ljava/lang/String;Ljava/lang/String;)I": self._told,
            "Landroid/util/Log;->e(Ljava/lang/String;Ljava/lang/String;Ljava/lang/Throwable;)I": (
                self._told
            ),
            CONFORM: self.native,
        }
        found |= {f"Landroid/app/Activity;->{name}": call for name, call in activity.items()}
        return found | self._files() | _ZIP | _BUILDER

    def _files(self) -> Framework:
        def listed(this: Instance) -> list[Instance] | None:
            return [self._file(p) for p in this.value.iterdir()] if this.value.is_dir() else None

        def delete(this: Instance) -> int:
            if not this.value.exists():
                return 0
            (this.value.rmdir if this.value.is_dir() else this.value.unlink)()
            return 1

        methods: Framework = {
            f"<init>({_FILE}Ljava/lang/String;)V": lambda this, folder, name: _set(
                this, folder.value / name
            ),
            f"listFiles()[{_FILE}": listed,
            "delete()Z": delete,
            "getPath()Ljava/lang/String;": lambda this: str(this.value),
            f"getParentFile(){_FILE}": lambda this: self._file(this.value.parent),
            "mkdirs()Z": lambda this: this.value.mkdir(parents=True, exist_ok=True) or 1,
            f"renameTo({_FILE})Z": lambda this, to: bool(this.value.rename(to.value)),
        }
        return {f"{_FILE}->{name}": call for name, call in methods.items()}


def _set(this: Instance, value: Any) -> None:
    this.value = value


class _Archive:
    """A zip that is read in order."""

    def __init__(self, stream: Instance) -> None:
        self.zip = zipfile.ZipFile(stream.value)
        self.left = self.zip.infolist()
        self.now: Any = None

    def next(self) -> Instance | None:
        if not self.left:
            return None
        entry = self.left.pop(0)
        self.now = self.zip.open(entry)
        return Instance("Ljava/util/zip/ZipEntry;", entry.filename, initialised=True)

    def read(self, buffer: bytearray) -> int:
        return self.now.readinto(buffer) or -1


_ZIPPED = "Ljava/util/zip/ZipInputStream;"
_OUT = "Ljava/io/FileOutputStream;"
_ZIP: Framework = {
    f"{_ZIPPED}-><init>(Ljava/io/InputStream;)V": lambda this, s: _set(this, _Archive(s)),
    f"{_ZIPPED}->getNextEntry()Ljava/util/zip/ZipEntry;": lambda this: this.value.next(),
    f"{_ZIPPED}->read([B)I": lambda this, buffer: this.value.read(buffer),
    f"{_ZIPPED}->close()V": lambda this: this.value.zip.close(),
    "Ljava/util/zip/ZipEntry;->getName()Ljava/lang/String;": lambda this: this.value,
    f"{_OUT}-><init>({_FILE})V": lambda this, file: _set(this, file.value.open("wb")),
    f"{_OUT}->write([BII)V": lambda this, data, at, size: this.value.write(data[at : at + size]),
    f"{_OUT}->close()V": lambda this: this.value.close(),
}


def _append(this: Instance, value: object) -> Instance:
    this.value += str(value)
    return this


_TEXT = "Ljava/lang/StringBuilder;"
_BUILDER: Framework = {
    f"{_TEXT}-><init>(Ljava/lang/String;)V": _set,
    f"{_TEXT}->append(I){_TEXT}": _append,
    f"{_TEXT}->append(Ljava/lang/String;){_TEXT}": _append,
    f"{_TEXT}->toString()Ljava/lang/String;": lambda this: this.value,
}
