"""Weights as they ship: fp16, most of them of fewer bits than it has."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pico_deploy.codecs.layers import is_channelwise

# Of the ten that fp16 has: an error of at most 2⁻⁹ of a weight, far below what int8 takes, and
# files that deflate makes a tenth smaller.
MANTISSA_BITS = 8


def round_weight(weight: Tensor) -> Tensor:
    """Round to the nearest fp16 number of ``MANTISSA_BITS`` bits of mantissa, ties away from zero.

    Any shape; float32 in and out.
    """
    dropped = 10 - MANTISSA_BITS
    bits = weight.half().view(torch.int16)  # sign and magnitude: adding moves away from zero
    bits = bits + (1 << dropped >> 1) >> dropped << dropped
    return bits.view(torch.float16).float()


def as_shipped(name: str, parameter: Tensor) -> Tensor:
    """The parameter of that name as it ships, float32; without a gradient."""
    # The few that move whole channels keep all bits of fp16.
    value = parameter.detach()
    return value.half().float() if is_channelwise(name) else round_weight(value)


@torch.no_grad()
def round_weights(network: nn.Module) -> None:
    """Round every parameter to what ships, in place."""
    for name, parameter in network.named_parameters():
        parameter.copy_(as_shipped(name, parameter))
