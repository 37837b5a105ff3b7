"""What each operation of an ML program computes, for the checker: only the operations we emit.

Arithmetic is float32 on torch tensors; the checker rounds the results. Arguments carry the names
of Apple's MIL specification. An operation that is not in ``OPERATIONS`` is an error, never a
guess.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pico_deploy.errors import ConversionError

Arguments = dict[str, Any]
Operation = Callable[[Arguments], Tensor | tuple[Tensor, ...]]


def _ints(value: Any) -> list[int]:
    return [int(v) for v in torch.as_tensor(value).reshape(-1)]


def _padding(a: Arguments) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) of a 2-D convolution."""
    kind = a["pad_type"]
    if kind == "valid":
        return 0, 0, 0, 0
    if kind == "custom":
        top, bottom, left, right = _ints(a["pad"])
        return top, bottom, left, right
    raise ConversionError(f"the Core ML checker does not know padding {kind!r}")


def _conv(a: Arguments) -> Tensor:
    top, bottom, left, right = _padding(a)
    return F.conv2d(
        F.pad(a["x"], (left, right, top, bottom)),
        a["weight"],
        a.get("bias"),
        stride=_ints(a.get("strides", [1, 1])),
        dilation=_ints(a.get("dilations", [1, 1])),
        groups=int(a.get("groups", 1)),
    )


def _conv_transpose(a: Arguments) -> Tensor:
    top, _, left, _ = _padding(a)
    full = F.conv_transpose2d(
        a["x"],
        a["weight"],
        a.get("bias"),
        stride=_ints(a.get("strides", [1, 1])),
        dilation=_ints(a.get("dilations", [1, 1])),
        groups=int(a.get("groups", 1)),
    )
    height, width = _ints(a["output_shape"])[-2:]
    # The stated shape may reach past the full sum by PyTorch's output_padding: those samples are
    # the bias alone.
    grow = (0, max(0, left + width - full.shape[3]), 0, max(0, top + height - full.shape[2]))
    if any(grow):
        bias = a.get("bias")
        padded = F.pad(full, grow)
        if bias is not None:
            padded[:, :, full.shape[2] :, :] = bias.view(1, -1, 1, 1)
            padded[:, :, :, full.shape[3] :] = bias.view(1, -1, 1, 1)
        full = padded
    return full[:, :, top : top + height, left : left + width]


def _concat(a: Arguments) -> Tensor:
    values, axis = list(a["values"]), int(a["axis"])
    if not bool(a.get("interleave", False)):
        return torch.cat(values, axis)
    axis %= values[0].dim()
    return torch.stack(values, axis + 1).flatten(axis, axis + 1)


def _split(a: Arguments) -> tuple[Tensor, ...]:
    x, axis = a["x"], int(a["axis"])
    sizes = _ints(a["split_sizes"]) if "split_sizes" in a else x.shape[axis] // int(a["num_splits"])
    return tuple(torch.split(x, sizes, axis))


def _expand_dims(a: Arguments) -> Tensor:
    x = a["x"]
    for axis in sorted(_ints(a["axes"])):
        x = x.unsqueeze(axis)
    return x  # type: ignore[no-any-return]


def _squeeze(a: Arguments) -> Tensor:
    return a["x"].squeeze(tuple(_ints(a["axes"])))  # type: ignore[no-any-return]


def _leaky_relu(a: Arguments) -> Tensor:
    return F.leaky_relu(a["x"], float(a["alpha"]))


OPERATIONS: dict[str, Operation] = {
    "add": lambda a: torch.add(a["x"], a["y"]),
    "cast": lambda a: a["x"],  # the type of the result is the checker's matter
    "clip": lambda a: torch.clamp(a["x"], float(a["alpha"]), float(a["beta"])),
    "concat": _concat,
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "exp": lambda a: torch.exp(a["x"]),
    "expand_dims": _expand_dims,
    "floor": lambda a: torch.floor(a["x"]),
    "identity": lambda a: a["x"],
    "leaky_relu": _leaky_relu,
    "mul": lambda a: torch.mul(a["x"], a["y"]),
    "pixel_shuffle": lambda a: F.pixel_shuffle(a["x"], int(a["upscale_factor"])),
    "pixel_unshuffle": lambda a: F.pixel_unshuffle(a["x"], int(a["downscale_factor"])),
    "real_div": lambda a: torch.div(a["x"], a["y"]),
    "relu": lambda a: torch.relu(a["x"]),
    "reshape": lambda a: torch.reshape(a["x"], _ints(a["shape"])),
    "split": _split,
    "squeeze": _squeeze,
    "sub": lambda a: torch.sub(a["x"], a["y"]),
    "transpose": lambda a: torch.permute(a["x"], _ints(a["perm"])),
}
