"""Stage 1: mean squared error and rate, a random level for every sample."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pico_deploy.codecs.config import PRESETS
from pico_deploy.codecs.levels import anchor_weights
from pico_deploy.codecs.pico import PicoCodec
from pico_deploy.entropy.levels import anchor_levels
from pico_deploy.errors import TrainingError, UsageError
from pico_deploy.training.config import TrainConfig
from pico_deploy.training.data import CropSampler, Photos
from pico_deploy.training.initialise import initialise
from pico_deploy.training.objective import level_lambda, simulate

STATE_FILE = "state.pt"
LOG_FILE = "log.jsonl"
AVERAGE_EVERY = 5
START_BATCHES = 16
SCALE_RATE = 0.2


@dataclass(frozen=True)
class Progress:
    """What a caller shows while training runs."""

    step: int
    steps: int
    loss: float
    bits_per_pixel: float
    mse: float
    megapixels_per_second: float


def learning_rate(config: TrainConfig, step: int) -> float:
    """Warm-up, plateau, half-cosine decay to zero over the last ``decay_steps``."""
    rate = config.learning_rate * min(1.0, (step + 1) / max(1, config.warmup_steps))
    remaining = config.steps - step
    if remaining < config.decay_steps:
        rate *= 0.5 - 0.5 * math.cos(math.pi * remaining / config.decay_steps)
    return rate


def parameter_groups(codec: PicoCodec) -> list[dict[str, object]]:
    """Weights at the full learning rate; scales, which multiply whole channels, at a part of it."""
    scales: list[Tensor] = []
    others: list[Tensor] = []
    for name, parameter in codec.named_parameters():
        if parameter.requires_grad:
            is_scale = name.rsplit(".", 1)[-1] in {"scale_in", "scale_out", "log_scale"}
            (scales if is_scale else others).append(parameter)
    return [
        {"params": others, "factor": 1.0},
        {"params": scales, "factor": SCALE_RATE},
    ]


class Trainer:
    """State of one run: networks, averaged weights, optimiser, step.

    The averaged weights (EMA) are what is validated and exported.
    """

    def __init__(self, config: TrainConfig, photos: Photos, run: Path, device: str) -> None:
        if config.preset not in PRESETS:
            raise UsageError(f"unknown preset {config.preset!r}; known: {', '.join(PRESETS)}")
        torch.manual_seed(config.seed)
        self.config, self.run, self.device = config, run, device
        self.photos = photos
        self.sampler = CropSampler(
            photos, config.crop, config.seed, config.halve_probability, config.text_share
        )
        self.codec = PicoCodec(PRESETS[config.preset]).to(device)
        # Far beyond any step, so that these crops are not the first that are trained on.
        first = [self.sampler.batch(2**32 + i, config.batch) for i in range(START_BATCHES)]
        initialise(self.codec, torch.cat(first).to(device))
        self.codec.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = PicoCodec(PRESETS[config.preset]).to(device).requires_grad_(False)
        self.averaged.load_state_dict(self.codec.state_dict())
        self.optimiser = torch.optim.Adam(parameter_groups(self.codec), fused=True)
        self.step = 0
        codec = self.codec.config
        self.anchors = torch.from_numpy(anchor_weights(codec.levels, codec.anchors)).to(device)

    def save(self) -> None:
        """Write the resumable state, atomically."""
        self.run.mkdir(parents=True, exist_ok=True)
        partial = self.run / (STATE_FILE + ".partial")
        torch.save(
            {
                "identity": json.dumps(self.config.identity(), sort_keys=True),
                "step": self.step,
                "codec": self.codec.state_dict(),
                "averaged": self.averaged.state_dict(),
                "optimiser": self.optimiser.state_dict(),
            },
            partial,
        )
        partial.replace(self.run / STATE_FILE)

    def resume(self) -> bool:
        """Continue from the saved state if there is one; raises ``TrainingError`` if it is of
        another run."""
        path = self.run / STATE_FILE
        if not path.exists():
            return False
        state = torch.load(path, map_location=self.device, weights_only=True)
        mine = json.dumps(self.config.identity(), sort_keys=True)
        if state["identity"] != mine:
            raise TrainingError(
                f"{path} belongs to another configuration; use another --run folder or the old one"
            )
        self.codec.load_state_dict(state["codec"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = int(state["step"])
        return True

    def _levels(self, step: int) -> Tensor:
        rng = np.random.default_rng((self.config.seed, step, 1))
        count = self.codec.config.levels
        # Stratified: every batch spans the rate range, so its loss varies less.
        slots = (np.arange(self.config.batch) + rng.random(self.config.batch)) / self.config.batch
        return torch.from_numpy(np.minimum((slots * count).astype(np.int64), count - 1))

    def train_step(self) -> tuple[float, float, float]:
        """One optimiser step; returns loss, bits per pixel, MSE (0…255 scale), means over the
        batch.

        Raises ``TrainingError`` before the weights are touched when the loss is not finite.
        """
        config = self.config
        torch.manual_seed(config.seed * 1_000_003 + self.step)
        x = self.sampler.batch(self.step, config.batch).to(self.device)
        x = x.contiguous(memory_format=torch.channels_last)
        levels = self._levels(self.step).to(self.device)
        linear = self.step % config.linear_every == 0
        anchors = self.anchors[levels]
        out = simulate(self.codec, x, anchors, noise=True, bf16=config.bf16, linear=linear)
        pixels = config.crop * config.crop
        mse = (out.x_hat - x).square().mean((1, 2, 3)) * 65025
        bpp = (out.y_bits + out.z_bits) / pixels
        low, high = self.codec.config.lambda_range
        weight = level_lambda(levels, self.codec.config.levels, low, high)
        balance = (weight / math.sqrt(low * high)) ** -config.level_weight_power
        loss = (balance * (bpp + weight * mse)).mean()
        total = loss
        if out.linear_y_bits is not None:
            total = total + (balance * out.linear_y_bits).mean() / pixels
        if not bool(torch.isfinite(total)):
            raise TrainingError(
                f"the loss is not finite at step {self.step} (levels {levels.tolist()}); "
                f"the state of the last save is kept in {self.run / STATE_FILE}"
            )
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(config, self.step) * group["factor"]
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.codec.parameters(), config.clip_norm)
        self.optimiser.step()
        if self.step % AVERAGE_EVERY == 0:
            self._average()
        self.step += 1
        return loss.item(), bpp.mean().item(), mse.mean().item()

    def _average(self) -> None:
        # A short memory at first, or the average would remember the random start.
        decay = min(self.config.ema_decay**AVERAGE_EVERY, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            targets: list[Tensor] = list(self.averaged.parameters())
            sources = [p.detach() for p in self.codec.parameters()]
            torch._foreach_lerp_(targets, sources, 1 - decay)

    @torch.no_grad()
    def validate(self) -> list[dict[str, float]]:
        """Rate and PSNR of the averaged weights on the held-out photos, per second anchor."""
        results = []
        codec = self.averaged
        side = codec.config.tile
        for level in anchor_levels(self.anchors.cpu().numpy())[::2]:
            bits = squared = pixels = 0.0
            for photo in self.photos.holdout:
                crop = photo[:side, :side]
                crop = crop[: crop.shape[0] // 64 * 64, : crop.shape[1] // 64 * 64]
                x = torch.from_numpy(np.ascontiguousarray(crop)).permute(2, 0, 1)[None]
                x = (x.float() / 255).to(self.device)
                out = simulate(
                    codec, x, self.anchors[level][None], noise=False, bf16=self.config.bf16
                )
                restored = (out.x_hat.clamp(0, 1) * 255).round()
                squared += (restored - x * 255).square().mean((1, 2, 3)).sum().item() * x[
                    0, 0
                ].numel()
                bits += (out.y_bits + out.z_bits).sum().item()
                pixels += x[0, 0].numel()
            if pixels:
                psnr = 10 * math.log10(65025 / (squared / pixels))
                results.append({"level": level, "bits_per_pixel": bits / pixels, "psnr_db": psnr})
        return results

    def _log(self, record: dict[str, object]) -> None:
        with (self.run / LOG_FILE).open("a", encoding="utf-8") as log:
            log.write(json.dumps(record) + "\n")

    def fit(self, report: Callable[[Progress], None], should_stop: Callable[[], bool]) -> None:
        """Train to ``config.steps`` or until ``should_stop``; saves at every validation and at the
        end."""
        self.run.mkdir(parents=True, exist_ok=True)
        config, started, since = self.config, time.monotonic(), self.step
        try:
            while self.step < config.steps and not should_stop():
                loss, bpp, mse = self.train_step()
                done = self.step - since
                speed = done * config.batch * config.crop**2 / 1e6 / (time.monotonic() - started)
                report(Progress(self.step, config.steps, loss, bpp, mse, speed))
                if self.step % config.log_every == 0:
                    self._log(
                        {"step": self.step, "loss": loss, "bpp": bpp, "mse": mse, "mpx_s": speed}
                    )
                if self.step % config.validate_every == 0:
                    self._log({"step": self.step, "validation": self.validate()})
                    self.save()
        except KeyboardInterrupt:
            self.save()
            raise
        self.save()
