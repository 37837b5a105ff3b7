"""The training configuration file (TOML), checked on reading."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pico_deploy.errors import UsageError


class PerceptualConfig(BaseModel):
    """Weights of the terms that stage 2 adds to the MSE; 0 switches a term off.

    A weight is the MSE (0…255 scale) that one unit of its term is worth; ``mse`` is what the MSE
    itself still counts beside them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mse: float = Field(default=1, ge=0)
    lpips: float = Field(default=0, ge=0)
    lpips_share: float = Field(
        default=1.0, gt=0, le=1, description="share of a batch that LPIPS sees, by turns"
    )
    ms_ssim: float = Field(default=0, ge=0)
    ssimulacra2: float = Field(default=0, ge=0)
    tiling: float = Field(default=0, ge=0)
    text: float = Field(default=0, ge=0)
    gan: float = Field(default=0, ge=0)
    gan_channels: int = Field(default=32, gt=0)
    gan_start: int = Field(
        default=500, ge=0, description="steps that the discriminator learns alone"
    )
    gan_rise: int = Field(
        default=500, ge=0, description="steps over which the weight rises from 0 to `gan`"
    )
    gan_learning_rate: float = Field(default=2e-4, gt=0)

    @property
    def weights(self) -> dict[str, float]:
        """Weights of the terms that count, by name."""
        names = ("lpips", "ms_ssim", "ssimulacra2", "tiling", "text", "gan")
        return {name: weight for name in names if (weight := getattr(self, name))}

    @property
    def needs_masks(self) -> bool:
        """Whether any term asks where text is."""
        return self.text > 0 or self.gan > 0


class TrainConfig(BaseModel):
    """Everything that decides the result of a run, given the photos.

    ``steps`` counts optimiser steps; the learning rate rises over ``warmup_steps``, stays, and
    falls along a half cosine over the last ``decay_steps``. Because the plateau has no horizon,
    ``steps`` may be raised or lowered when a run is resumed; every other field may not change.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    preset: str
    steps: int = Field(gt=0)
    warmup_steps: int = Field(default=500, ge=0)
    decay_steps: int = Field(default=5000, ge=0)
    batch: int = Field(default=8, gt=0)
    crop: int = Field(default=256, ge=128, multiple_of=64)
    learning_rate: float = Field(default=6e-4, gt=0)
    clip_norm: float = Field(default=1.0, gt=0)
    ema_decay: float = Field(default=0.999, ge=0, lt=1)
    level_weight_power: float = Field(default=0.4, ge=0, le=1)
    halve_probability: float = Field(default=0.25, ge=0, le=1)
    linear_every: int = Field(
        default=4, gt=0, description="train the linear scale decoder every n steps"
    )
    text_share: float = Field(default=0.05, ge=0, le=1)
    seed: int = 0
    bf16: bool = True
    log_every: int = Field(default=100, gt=0)
    validate_every: int = Field(default=1000, gt=0)
    holdout_every: int = Field(
        default=40, gt=1, description="every n-th photo is for validation only"
    )
    train_only: tuple[str, ...] = Field(
        default=(), description="shell patterns of the parameters that learn; empty: all"
    )
    perceptual: PerceptualConfig = PerceptualConfig()

    def identity(self) -> dict[str, object]:
        """Fields that must not change between the parts of one run."""
        free = {"steps", "decay_steps", "log_every", "validate_every"}
        fields = self.model_dump(exclude=free)
        # Runs begun before these fields existed have none of them in their states.
        if not self.train_only:
            del fields["train_only"]
        for name in ("mse", "ssimulacra2"):
            if getattr(self.perceptual, name) == PerceptualConfig.model_fields[name].default:
                del fields["perceptual"][name]
        return fields


def load_config(path: Path) -> TrainConfig:
    """Read a TOML file; raises ``UsageError`` naming the first field that is wrong."""
    try:
        return TrainConfig.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UsageError(f"cannot read training config {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise UsageError(f"{path}: {field}: {first['msg']}") from error
