"""Learned perceptual distance: LPIPS on the shift-tolerant AlexNet.

LPIPS (arXiv 1801.03924) with the trunk and the calibration of ST-LPIPS (arXiv 2207.13686), whose
weights the PyPI package ``stlpips_pytorch`` carries (BSD 2-clause). They were trained together, so
figures are not those of the original LPIPS and are called ST-LPIPS. Only the weight file of that
package is read; none of its code runs.
"""

from __future__ import annotations

from importlib import metadata, util
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pico_deploy.errors import MissingDependencyError

PACKAGE = "stlpips_pytorch"
_WEIGHTS = Path("weights/vST0.0/alex_shift_tolerant.pth")
# Of (kernel, inputs, outputs, padding) and where the file has the layer's weights.
_LAYERS = (
    (11, 3, 64, 2, "slice1.0"),
    (5, 64, 192, 2, "slice2.5"),
    (3, 192, 384, 1, "slice3.9"),
    (3, 384, 256, 1, "slice4.11"),
    (3, 256, 256, 1, "slice5.13"),
)


class Blur(nn.Module):
    """Every second sample of the binomial filter 1-2-1, borders reflected by two pixels."""

    kernel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        line = torch.tensor([0.25, 0.5, 0.25])
        self.register_buffer("kernel", torch.outer(line, line).repeat(channels, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C, H, W]`` → ``[N, C, H/2 + 1, W/2 + 1]``, each side rounded down."""
        padded = F.pad(x, (2, 2, 2, 2), mode="reflect")
        return F.conv2d(padded, self.kernel, stride=2, groups=x.shape[1])


class Lpips(nn.Module):
    """Distance of two pictures; 0 for equal ones. Frozen: gradients reach pictures only."""

    shift: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.ModuleList(
            nn.Conv2d(inputs, outputs, kernel, padding=padding)
            for kernel, inputs, outputs, padding, _ in _LAYERS
        )
        self.blurs = nn.ModuleList(Blur(channels) for channels in (64, 64, 192))
        self.weights = nn.ParameterList(
            torch.zeros(1, outputs, 1, 1) for _, _, outputs, _, _ in _LAYERS
        )
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188])[None, :, None, None])
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450])[None, :, None, None])
        self.requires_grad_(False)

    def features(self, x: Tensor) -> list[Tensor]:
        """Unit vectors per position of the five layers for ``x [N, 3, H, W]`` in 0…1."""
        h = (2 * x - 1 - self.shift) / self.scale
        first, second, third, fourth, fifth = self.trunk
        # The shift-tolerant trunk blurs before its first activation and keeps full resolution
        # until then; every pooling is a dense maximum followed by a blur.
        outputs = [F.relu(self.blurs[0](first(h)))]
        h = self.blurs[1](F.max_pool2d(outputs[-1], 3, 1))
        outputs.append(F.relu(second(h)))
        h = self.blurs[2](F.max_pool2d(outputs[-1], 3, 1))
        for layer in (third, fourth, fifth):
            h = F.relu(layer(h))
            outputs.append(h)
        return [
            h.float() / (h.float().square().sum(1, keepdim=True).sqrt() + 1e-10) for h in outputs
        ]

    def distance(self, one: list[Tensor], two: list[Tensor]) -> Tensor:
        """Distance of two lists of features, ``[N]``."""
        parts = [
            (weight * (a - b).square()).sum(1).mean((1, 2))
            for weight, a, b in zip(self.weights, one, two, strict=True)
        ]
        return torch.stack(parts).sum(0)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Distance of ``x`` and ``y``, both ``[N, 3, H, W]`` in 0…1, as ``[N]``."""
        return self.distance(self.features(x), self.features(y))


def load_lpips() -> Lpips:
    """The network with its weights; raises ``MissingDependencyError`` when they are not
    installed.
    """
    found = util.find_spec(PACKAGE)
    path = None if found is None or found.origin is None else Path(found.origin).parent / _WEIGHTS
    if path is None or not path.is_file():
        raise MissingDependencyError(
            f"LPIPS needs the weights of {PACKAGE}: pip install --no-deps {PACKAGE}"
        )
    stored = torch.load(path, map_location="cpu", weights_only=True)
    network = Lpips()
    with torch.no_grad():
        for i, (*_, name) in enumerate(_LAYERS):
            network.trunk[i].load_state_dict(
                {part: stored[f"net.{name}.{part}"] for part in ("weight", "bias")}
            )
            network.weights[i].copy_(stored[f"lin{i}.model.1.weight"])
    return network.eval()


def lpips_version() -> str:
    """Which weights; raises ``MissingDependencyError``."""
    try:
        return f"{PACKAGE} {metadata.version(PACKAGE)}, AlexNet"
    except metadata.PackageNotFoundError as error:
        raise MissingDependencyError(
            f"LPIPS needs the weights of {PACKAGE}: pip install --no-deps {PACKAGE}"
        ) from error
