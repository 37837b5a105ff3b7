"""VVC intra pictures: vvenc and ffmpeg's decoder, run as the external program ffmpeg."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from dataclasses import dataclass

import numpy as np

from pico_deploy.conformance.pixels import Pixels
from pico_deploy.errors import InputError, MissingDependencyError
from pico_deploy.evaluation.coders import Coder

PRESET = "fast"
_SCALING = "flags=bicubic+accurate_rnd+full_chroma_inp"
_ENCODER = (
    "-vf", f"scale=out_color_matrix=bt709:out_range=tv:{_SCALING}", "-pix_fmt", "yuv420p10le",
    "-c:v", "libvvenc", "-threads", "1", "-preset", PRESET, "-qpa", "0",
)  # fmt: skip
_DECODER = (
    "-vf", f"scale=in_color_matrix=bt709:in_range=tv:{_SCALING}", "-pix_fmt", "rgb24",
    "-f", "rawvideo", "-",
)  # fmt: skip
_SIZE = struct.Struct("<HH")


@dataclass(frozen=True)
class VvcCoder:
    """A raw VVC byte stream behind the picture's size (4 bytes), which stands in for a container.

    10 bits, 4:2:0, BT.709, fixed QP without perceptual adaptation; ``setting`` is the QP. 4:2:0
    needs even sides, so an odd one is repeated once and cut off again.
    """

    program: str
    version: str
    name: str = "VVC"
    settings: tuple[int, ...] = (44, 39, 34, 30, 26)

    @property
    def identity(self) -> str:
        """ffmpeg's version and the options."""
        return f"VVC ({' '.join(_ENCODER)}), ffmpeg {self.version}"

    def encode(self, pixels: Pixels, setting: int) -> bytes:
        """The whole file."""
        height, width = pixels.shape[:2]
        even = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        shape = f"{even.shape[1]}x{even.shape[0]}"
        source = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", shape, "-i", "-")
        options = (*source, *_ENCODER, "-qp", str(setting), "-f", "vvc", "-")
        return _SIZE.pack(width, height) + self._run(options, even.tobytes())

    def decode(self, data: bytes) -> Pixels:
        """The pixels of a file."""
        width, height = _SIZE.unpack_from(data)
        rows, columns = height + height % 2, width + width % 2
        raw = self._run(("-threads", "1", "-f", "vvc", "-i", "-", *_DECODER), data[_SIZE.size :])
        if len(raw) != rows * columns * 3:
            raise InputError(f"ffmpeg decoded {len(raw)} bytes, expected {columns}×{rows} RGB")
        return np.frombuffer(raw, np.uint8).reshape(rows, columns, 3)[:height, :width]

    def _run(self, options: tuple[str, ...], data: bytes) -> bytes:
        command = (self.program, "-hide_banner", "-loglevel", "error", *options)
        done = subprocess.run(command, input=data, capture_output=True, check=False)
        if done.returncode != 0 or not done.stdout:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise InputError(f"ffmpeg failed on VVC: {said[-1] if said else done.returncode}")
        return done.stdout


def open_vvc() -> Coder:
    """Find an ffmpeg with vvenc and a VVC decoder: ``FFMPEG``, imageio-ffmpeg's, or on the PATH.

    Raises ``MissingDependencyError`` that says what was missing in each.
    """
    wanting = []
    for program in _programs():
        coders = _ask(program, "-codecs")
        if "libvvenc" in coders and "decoders: vvc" in coders:
            return VvcCoder(program, _ask(program, "-version").split()[2])
        wanting.append(program)
    found = f"without vvenc and a VVC decoder: {', '.join(wanting)}" if wanting else "no ffmpeg"
    raise MissingDependencyError(
        f"VVC needs an ffmpeg with libvvenc ({found}): pip install 'pico-deploy[evaluate]'"
    )


def _programs() -> list[str]:
    programs = [os.environ.get("FFMPEG"), shutil.which("ffmpeg")]
    try:
        import imageio_ffmpeg

        programs.insert(1, imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        pass
    return [program for program in programs if program]


def _ask(program: str, option: str) -> str:
    try:
        done = subprocess.run(
            (program, "-hide_banner", option), capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return done.stdout
