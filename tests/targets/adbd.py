"""A small adbd for tests: as much of the protocol as the real adb server and client need.

Connections, ``shell,v2`` and ``sync`` (STAT, SEND, RECV), as AOSP's ``protocol.txt``, ``SYNC.TXT``
and ``shell_protocol.h`` describe them. The device's files lie in a folder; its programs run on this
machine, arm64 ones under qemu. Faults are switched on by tests. What it cannot show: SELinux, app
sandboxes, TLS pairing, vendors' quirks, heat.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import struct
import threading
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from pathlib import Path

DATA = "/data/local/tmp"
MAX_DATA = 256 << 10
VERSION = 0x01000000  # checksums are sent and looked at
CNXN, AUTH, OPEN, OKAY, CLSE, WRTE = (
    struct.unpack("<I", word)[0] for word in (b"CNXN", b"AUTH", b"OPEN", b"OKAY", b"CLSE", b"WRTE")
)
ELF_AARCH64 = b"\x7fELF\x02\x01", 183


@dataclass
class Faults:
    """What goes wrong. ``room_bytes``: the largest file that still fits. ``cut_after_bytes``: the
    cable comes off when so many bytes were pulled. ``silent``: no answer at all from now on.
    """

    unauthorised: bool = False
    room_bytes: int | None = None
    cut_after_bytes: int | None = None
    silent: bool = False


@dataclass
class Phone:
    """What the device says: ``getprop``, and outputs of other commands by how they begin."""

    properties: dict[str, str]
    answers: dict[str, str] = field(default_factory=dict)


class Channel:
    """One stream of a connection."""

    def __init__(self, link: Link, local: int, remote: int) -> None:
        self.link, self.local, self.remote = link, local, remote
        self.incoming: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.acknowledged = asyncio.Semaphore(0)
        self._rest = b""

    async def write(self, data: bytes) -> None:
        for start in range(0, len(data), MAX_DATA):
            await self.link.send(WRTE, self.local, self.remote, data[start : start + MAX_DATA])
            await self.acknowledged.acquire()
            if self.local not in self.link.channels:
                raise EOFError

    async def read(self, size: int) -> bytes:
        while len(self._rest) < size:
            data = await self.incoming.get()
            if data is None:
                raise EOFError
            self._rest += data
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


class Link:
    """One connection of an adb server."""

    def __init__(self, adbd: Adbd, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.adbd, self.reader, self.writer = adbd, reader, writer
        self.channels: dict[int, Channel] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    async def send(self, command: int, first: int, second: int, data: bytes = b"") -> None:
        header = (command, first, second, len(data), sum(data) & 0xFFFFFFFF, command ^ 0xFFFFFFFF)
        self.writer.write(struct.pack("<6I", *header) + data)
        await self.writer.drain()

    async def serve(self) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await self.reader.readexactly(24)
                command, first, second, size = struct.unpack("<4I", head[:16])
                await self._handle(command, first, second, await self.reader.readexactly(size))
        for channel in self.channels.values():
            channel.incoming.put_nowait(None)
            channel.acknowledged.release()
        self.writer.close()

    async def _handle(self, command: int, first: int, second: int, data: bytes) -> None:
        if self.adbd.faults.silent:
            return
        channel = self.channels.get(second)
        if command in (CNXN, AUTH):
            if self.adbd.faults.unauthorised:
                await self.send(AUTH, 1, 0, bytes(20))  # a token to sign, whatever was sent
            else:
                await self.send(CNXN, VERSION, MAX_DATA, self.adbd.banner)
        elif command == OPEN:
            await self._open(first, data.rstrip(b"\0").decode())
        elif channel is None:
            return
        elif command == OKAY:
            channel.acknowledged.release()
        elif command == WRTE:
            channel.incoming.put_nowait(data)
            await self.send(OKAY, second, first)
        elif command == CLSE:
            self.channels.pop(second)
            channel.incoming.put_nowait(None)
            channel.acknowledged.release()

    async def _open(self, remote: int, service: str) -> None:
        channel = Channel(self, self.adbd.next_id(), remote)
        work: Coroutine[None, None, None]
        if service.startswith("shell,v2"):
            work = self.adbd.shell(channel, service.partition(":")[2])
        elif service == "sync:":
            work = self.adbd.sync(channel)
        else:
            await self.send(CLSE, 0, remote)
            return
        self.channels[channel.local] = channel
        await self.send(OKAY, channel.local, remote)
        task = asyncio.create_task(self._finish(channel, work))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _finish(self, channel: Channel, work: Coroutine[None, None, None]) -> None:
        with contextlib.suppress(EOFError, ConnectionError):
            await work
        if self.channels.pop(channel.local, None):
            await self.send(CLSE, channel.local, channel.remote)


class Adbd:
    """The daemon, in a thread of its own. ``root`` is where the device's files lie."""

    def __init__(self, root: Path, phone: Phone) -> None:
        self.root, self.phone, self.faults = root, phone, Faults()
        self.stopped_programs = 0
        self.serial = ""
        self._ids = 0
        self.links: list[Link] = []
        (root / DATA[1:]).mkdir(parents=True)
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main(started)))
        self._thread.start()
        started.wait()

    async def _main(self, started: threading.Event) -> None:
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await self._done.wait()
        server.close()
        for link in self.links:
            link.writer.transport.abort()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        if rest:
            await asyncio.wait(rest, timeout=5)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join()

    def next_id(self) -> int:
        self._ids += 1
        return self._ids

    @property
    def banner(self) -> bytes:
        told = "".join(
            f"{name}={self.phone.properties.get(name, '')};"
            for name in ("ro.product.name", "ro.product.model", "ro.product.device")
        )
        return f"device::{told}features=shell_v2,cmd".encode()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(self, reader, writer)
        self.links.append(link)
        await link.serve()

    # ---- shell ----

    async def shell(self, channel: Channel, command: str) -> None:
        answer = next((a for k, a in self.phone.answers.items() if command.startswith(k)), None)
        if command == "getprop":
            answer = "".join(f"[{k}]: [{v}]\n" for k, v in self.phone.properties.items())
        if answer is not None:
            await channel.write(_shell_packet(1, answer.encode()) + _shell_packet(3, b"\0"))
            return
        process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            command.replace(DATA, str(self.root) + DATA),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        gone = asyncio.create_task(self._hang_up_when_closed(channel, process.pid))
        try:
            await asyncio.gather(
                self._pump(process.stdout, channel, 1), self._pump(process.stderr, channel, 2)
            )
            await channel.write(_shell_packet(3, bytes([await process.wait() & 255])))
        finally:
            gone.cancel()

    async def _hang_up_when_closed(self, channel: Channel, pid: int) -> None:
        while await channel.incoming.get() is not None:
            pass
        self.stopped_programs += 1
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGHUP)

    async def _pump(self, source: asyncio.StreamReader | None, channel: Channel, kind: int) -> None:
        assert source is not None
        while data := await source.read(MAX_DATA // 2):
            await channel.write(_shell_packet(kind, data))

    # ---- sync ----

    async def sync(self, channel: Channel) -> None:
        while True:
            word, size = struct.unpack("<4sI", await channel.read(8))
            path = (await channel.read(size)).decode()
            if word == b"STAT":
                await channel.write(b"STAT" + self._stat(path))
            elif word == b"SEND":
                await channel.write(await self._receive(channel, path.rpartition(",")[0]))
            elif word == b"RECV":
                async for packet in self._contents(channel.link, path):
                    await channel.write(packet)
            else:
                return

    def _stat(self, path: str) -> bytes:
        try:
            found = (self.root / path[1:]).stat()
        except OSError:
            return bytes(12)
        return struct.pack("<III", found.st_mode, found.st_size & 0xFFFFFFFF, int(found.st_mtime))

    async def _receive(self, channel: Channel, path: str) -> bytes:
        target, content = self.root / path[1:], bytearray()
        while True:
            word, size = struct.unpack("<4sI", await channel.read(8))
            if word == b"DONE":
                break
            content += await channel.read(size)
        room = self.faults.room_bytes
        if room is not None and len(content) > room:
            return _failure("couldn't write file: No space left on device")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        if content[:6] == ELF_AARCH64[0] and content[18] == ELF_AARCH64[1]:
            # The device's CPU: a launcher stands where the program was put.
            target.replace(_real(target))
            _real(target).chmod(0o755)
            target.write_text(f'#!/bin/sh\nexec qemu-aarch64-static "{_real(target)}" "$@"\n')
        target.chmod(0o755)
        return b"OKAY" + bytes(4)

    async def _contents(self, link: Link, path: str) -> AsyncIterator[bytes]:
        source = self.root / path[1:]
        try:
            content = (_real(source) if _real(source).exists() else source).read_bytes()
        except OSError as error:
            yield _failure(f"open failed: {error.strerror}")
            return
        cut = self.faults.cut_after_bytes
        for start in range(0, len(content), 64 << 10):
            if cut is not None and start >= cut:
                link.writer.transport.abort()
                raise EOFError
            chunk = content[start : start + (64 << 10)]
            yield b"DATA" + struct.pack("<I", len(chunk)) + chunk
        yield b"DONE" + bytes(4)


def _real(path: Path) -> Path:
    return path.with_name(path.name + ".aarch64")


def _shell_packet(kind: int, data: bytes) -> bytes:
    return struct.pack("<BI", kind, len(data)) + data


def _failure(text: str) -> bytes:
    return b"FAIL" + struct.pack("<I", len(text)) + text.encode()


def can_run_arm64() -> bool:
    return shutil.which("qemu-aarch64-static") is not None
