"""One ``torch.export`` of each part, with named inputs and outputs, in a runtime's layout."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pico_deploy.bundle import Artefact
from pico_deploy.bundle import Tensor as TensorSpec
from pico_deploy.bundle.manifest import PART_ROLES, DType, Layout, PartName, Precision, Role
from pico_deploy.bundle.manifest import RuntimeName as Runtime
from pico_deploy.codecs.protocol import Codec, Parts
from pico_deploy.entropy.model import Geometry
from pico_deploy.errors import ConversionError

Shape = tuple[int, ...]


def part_shapes(geometry: Geometry, anchors: int) -> dict[Role, Shape]:
    """Static NCHW shape of every tensor of the parts' signatures."""
    tile, y, z = geometry.tile, geometry.y_side, geometry.z_side
    return {
        "x": (1, 3, tile, tile),
        "anchors": (1, anchors),
        "y_mask": (1, 1, y, y),
        "z_mask": (1, 1, z, z),
        "z": (1, geometry.z_channels, z, z),
        "y": (1, geometry.y_channels, y, y),
        "x_hat": (1, 3, tile, tile),
    }


def _enter(x: Tensor, layout: Layout) -> Tensor:
    return x.permute(0, 3, 1, 2) if layout == "nhwc" else x


def _leave(x: Tensor, layout: Layout) -> Tensor:
    return x.permute(0, 2, 3, 1) if layout == "nhwc" else x


class _Analysis(nn.Module):
    """Gives any codec's analysis the parameter names of the protocol, which exporters copy."""

    def __init__(self, part: nn.Module, layout: Layout) -> None:
        super().__init__()
        self.part, self.layout = part, layout

    def forward(
        self, x: Tensor, anchors: Tensor, y_mask: Tensor, z_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        z, y = self.part(
            _enter(x, self.layout),
            anchors,
            _enter(y_mask, self.layout),
            _enter(z_mask, self.layout),
        )
        return _leave(z, self.layout), _leave(y, self.layout)


class _Synthesis(nn.Module):
    """The same for synthesis."""

    def __init__(self, part: nn.Module, layout: Layout) -> None:
        super().__init__()
        self.part, self.layout = part, layout

    def forward(self, z: Tensor, y: Tensor, anchors: Tensor) -> Tensor:
        return _leave(
            self.part(_enter(z, self.layout), _enter(y, self.layout), anchors), self.layout
        )


@dataclass(frozen=True)
class ExportedPart:
    """A part ready for the converters.

    ``module`` takes and gives tensors in ``layout``; ``program`` is its ``torch.export`` with
    ``inputs`` as example. ``shapes`` are those of the protocol (NCHW), whatever the layout.
    """

    part: PartName
    layout: Layout
    module: nn.Module
    program: torch.export.ExportedProgram
    inputs: dict[str, Tensor]
    shapes: dict[Role, Shape]

    def specs(self, dtype: DType) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
        """Manifest entries of inputs and outputs, named by their roles, all of type ``dtype``."""

        def spec(role: Role) -> TensorSpec:
            layout: Layout = "nc" if role == "anchors" else self.layout
            shape = to_layout(self.shapes[role], layout)
            return TensorSpec(role=role, name=role, layout=layout, dtype=dtype, shape=shape)

        inputs, outputs = PART_ROLES[self.part]
        return tuple(map(spec, inputs)), tuple(map(spec, outputs))

    def artefact(self, runtime: Runtime, precision: Precision, path: str, dtype: DType) -> Artefact:
        """Manifest entry of an artefact made from this part."""
        inputs, outputs = self.specs(dtype)
        return Artefact(
            runtime=runtime,
            part=self.part,
            precision=precision,
            path=path,
            inputs=inputs,
            outputs=outputs,
        )


def to_layout(shape: Shape, layout: Layout) -> Shape:
    """Shape of an NCHW tensor when stored as ``layout``."""
    return (shape[0], *shape[2:], shape[1]) if layout == "nhwc" else shape


def part_module(parts: Parts, part: PartName) -> nn.Module:
    """The PyTorch module of a part."""
    return parts.analysis if part == "analysis" else parts.synthesis


def export_part(codec: Codec, parts: Parts, part: PartName, layout: Layout) -> ExportedPart:
    """Trace one part.

    Raises ``ConversionError`` when it cannot be traced or its outputs have other shapes than the
    geometry says.
    """
    shapes = part_shapes(codec.geometry, codec.anchor_table.shape[1])
    wrapper = (_Analysis if part == "analysis" else _Synthesis)(part_module(parts, part), layout)
    wrapper = wrapper.eval().requires_grad_(False)
    roles, results = PART_ROLES[part]
    inputs: dict[str, Tensor] = {}
    for role in roles:
        side = layout if role != "anchors" else "nc"
        # Halves: not a special value for any op, so tracing specialises on nothing.
        inputs[role] = torch.full(to_layout(shapes[role], side), 0.5)
    try:
        with torch.no_grad():
            program = torch.export.export(wrapper, tuple(inputs.values()), strict=False)
            found = wrapper(*inputs.values())
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise ConversionError(
            f"{part} of {codec.name} cannot be traced by torch.export: {reason}"
        ) from error
    found = found if isinstance(found, tuple) else (found,)
    for role, tensor in zip(results, found, strict=True):
        expected = to_layout(shapes[role], layout)
        if tuple(tensor.shape) != expected:
            raise ConversionError(
                f"{part} of {codec.name} gives {role} of shape {list(tensor.shape)}; "
                f"its geometry asks for {list(expected)}"
            )
    return ExportedPart(part, layout, wrapper, program, inputs, shapes)
