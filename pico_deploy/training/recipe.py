"""The training loop: a random level for every sample; MSE and rate in stage 1, perceptual terms
beside them in stage 2.
"""

from __future__ import annotations

import io
import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pico_deploy.codecs import difference
from pico_deploy.codecs.checkpoint import read_tensors
from pico_deploy.codecs.config import PRESETS
from pico_deploy.codecs.layers import is_channelwise
from pico_deploy.codecs.levels import anchor_weights
from pico_deploy.codecs.pico import PicoCodec
from pico_deploy.errors import TrainingError, UsageError
from pico_deploy.outputs import make_folder
from pico_deploy.training.config import TrainConfig
from pico_deploy.training.data import CropSampler, Photos
from pico_deploy.training.initialise import initialise
from pico_deploy.training.journal import Journal, Progress, StepResult
from pico_deploy.training.objective import balance, level_lambda, simulate
from pico_deploy.training.optimisation import freeze, learning_rate, parameter_groups
from pico_deploy.training.parts import read_facts, read_parts, write_parts
from pico_deploy.training.perceptual.terms import PerceptualTerms
from pico_deploy.training.start import BEST, STATE, load_weights
from pico_deploy.training.stopwatch import Stopwatch
from pico_deploy.training.team import Team
from pico_deploy.training.validation import Validation, validate

AVERAGE_EVERY = 5
START_BATCHES = 16
# Seeds of one step for as many processes.
MOST_PROCESSES = 64
# Hinge games oscillate with Adam's usual memory of the gradient.
DISCRIMINATOR_BETAS = (0.5, 0.9)


class Trainer:
    """State of one run: networks, averaged weights, optimisers, step. A ``team`` of processes
    shares every batch and holds the same state in each; the leading one validates and writes.

    The averaged weights (EMA) are what is validated; those of the best validation are kept.
    """

    def __init__(
        self,
        config: TrainConfig,
        photos: Photos,
        run: Path,
        device: str,
        start: Path | None = None,
        team: Team = Team(),  # noqa: B008 - frozen
        difference_to: Path | None = None,
    ) -> None:
        if config.preset not in PRESETS:
            raise UsageError(f"unknown preset {config.preset!r}; known: {', '.join(PRESETS)}")
        if device.partition(":")[0] not in ("cpu", "cuda"):
            raise UsageError(f"no device is called {device!r}; use cpu or cuda")
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise UsageError("this PyTorch finds no CUDA device; use --device cpu")
        torch.manual_seed(config.seed)
        self.config, self.run, self.device, self.team = config, run, device, team
        self.photos = photos
        self.sampler = CropSampler(
            photos, config.crop, config.seed, config.halve_probability, config.text_share
        )
        self.codec = PicoCodec(PRESETS[config.preset]).to(device)
        if start is not None:
            load_weights(self.codec, start)
        elif read_facts(run, STATE) is None:
            # Far beyond any step, so that these crops are not the first that are trained on.
            first = [self.sampler.batch(2**32 + i, config.batch) for i in range(START_BATCHES)]
            initialise(self.codec, torch.cat(first).to(device))
        self.codec.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for value in self.codec.state_dict().values():
            team.same(value)
        self.averaged = PicoCodec(PRESETS[config.preset]).to(device).requires_grad_(False)
        self.averaged.load_state_dict(self.codec.state_dict())
        freeze(self.codec, config.train_only)
        linear = self.codec.scale_decoders["linear"].parameters()
        self.linear_learns = any(p.requires_grad for p in linear)
        self.base_reference: str | None = None
        self.base: dict[str, Tensor] = {}
        if difference_to is not None:
            self.base_reference = difference.reference(difference_to)
            moving = {n for n, p in self.codec.named_parameters() if p.requires_grad}
            self.base = {
                name: value.to(device).float()
                for name, value in read_tensors(difference_to).items()
                if name in moving and not is_channelwise(name)
            }
        self.optimiser = torch.optim.Adam(parameter_groups(self.codec), fused=True)
        self.terms = PerceptualTerms(config.perceptual, config.crop, self.codec.config.border)
        self.terms.to(device)
        self.game: torch.optim.Adam | None = None
        if self.terms.discriminator is not None:
            rate = config.perceptual.gan_learning_rate
            judge = self.terms.discriminator.parameters()
            self.game = torch.optim.Adam(judge, lr=rate, betas=DISCRIMINATOR_BETAS)
        self.step, self.started = 0, start is not None
        self.best: float = math.inf
        self.stopwatch = Stopwatch(device)
        self.journal = Journal(run)
        codec = self.codec.config
        self.anchors = torch.from_numpy(anchor_weights(codec.levels, codec.anchors)).to(device)

    def compile(self) -> None:
        """Compile the transforms. Costs minutes once; the results differ in the last bits."""
        for part in (self.codec.encoder, self.codec.hyper_encoder, self.codec.decoder):
            part.compile()

    def _identity(self) -> str:
        fields = self.config.identity()
        if self.base_reference is not None:
            fields |= {difference.BASE: self.base_reference}
        return json.dumps(fields, sort_keys=True)

    @contextmanager
    def _as_stored(self, codec: PicoCodec) -> Iterator[None]:
        """Compute with what a difference to the base can hold of the weights; the weights
        themselves, which move by less than a step at a time, are back afterwards."""
        chosen = [(n, p) for n, p in codec.named_parameters() if n in self.base]
        kept = [p.detach().clone() for _, p in chosen]
        with torch.no_grad():
            for name, parameter in chosen:
                parameter.copy_(difference.nearest(name, parameter, self.base[name]))
        try:
            yield
        finally:
            with torch.no_grad():
                for (_, parameter), value in zip(chosen, kept, strict=True):
                    parameter.copy_(value)

    def save(self) -> None:
        """Write the resumable state, all of it or nothing; the leading process does it."""
        if not self.team.leads:
            return
        state: dict[str, Any] = {
            "step": self.step,
            "best": self.best,
            "codec": self.codec.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        if self.game is not None and self.terms.discriminator is not None:
            state["discriminator"] = self.terms.discriminator.state_dict()
            state["game"] = self.game.state_dict()
        facts = {"identity": self._identity(), "step": self.step}
        write_parts(self.run, STATE, _bytes(state), facts)

    def resume(self) -> bool:
        """Continue from the saved state if there is one; raises ``TrainingError`` if it is of
        another run or damaged."""
        facts = read_facts(self.run, STATE)
        if facts is None:
            return False
        if facts.get("identity") != self._identity():
            raise TrainingError(
                f"{self.run} belongs to another configuration; use another --run folder or the "
                "old one"
            )
        data = io.BytesIO(read_parts(self.run, STATE))
        state = torch.load(data, map_location=self.device, weights_only=True)
        self.codec.load_state_dict(state["codec"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.game is not None and self.terms.discriminator is not None:
            self.terms.discriminator.load_state_dict(state["discriminator"])
            self.game.load_state_dict(state["game"])
        self.step, self.best = int(state["step"]), float(state["best"])
        return True

    def best_codec(self) -> tuple[PicoCodec, int]:
        """The averaged weights of the best validation, rounded to fp16 as they ship, and their
        step; the present ones when none was validated yet. Raises ``TrainingError`` when neither
        this run nor one that it started from has learned anything.
        """
        facts = read_facts(self.run, BEST)
        if facts is None:
            if self.step == 0 and not self.started:
                raise TrainingError(f"{self.run} holds no weights: train first, or start from some")
            return self.averaged, self.step
        codec = PicoCodec(PRESETS[self.config.preset]).requires_grad_(False)
        load_weights(codec, self.run)
        return codec, int(facts["step"])

    def _levels(self, step: int) -> Tensor:
        rng = np.random.default_rng((self.config.seed, step, 1))
        count = self.codec.config.levels
        # Stratified: every batch spans the rate range, so its loss varies less.
        slots = (np.arange(self.config.batch) + rng.random(self.config.batch)) / self.config.batch
        return torch.from_numpy(np.minimum((slots * count).astype(np.int64), count - 1))

    def train_step(self) -> StepResult:
        """One optimiser step, of the discriminator too if there is one.

        Raises ``TrainingError`` before the weights are touched when loss or gradient is not finite.
        """
        with self._as_stored(self.codec):
            loss, bpp, mse, parts, x, decoded = self._backward()
        with self.stopwatch.phase("optimiser"):
            self.optimiser.step()
            if self.step % AVERAGE_EVERY == 0:
                self._average()
        parts |= self._play(x, decoded)
        self.step += 1
        means = self.team.means(
            [loss.item(), bpp.mean().item(), mse.mean().item(), *parts.values()]
        )
        return StepResult(means[0], means[1], means[2], dict(zip(parts, means[3:], strict=True)))

    def _backward(self) -> tuple[Tensor, Tensor, Tensor, dict[str, float], Tensor, Tensor]:
        """One batch up to the clipped gradients: loss, bits per pixel, MSE, terms, crops and what
        became of them."""
        config, clock = self.config, self.stopwatch
        torch.manual_seed((config.seed * 1_000_003 + self.step) * MOST_PROCESSES + self.team.rank)
        with clock.phase("data"):
            own = self.team.part(config.batch)
            x, mask = self.sampler.batch_masked(self.step, config.batch, own)
            x = x.to(self.device).contiguous(memory_format=torch.channels_last)
            mask = None if mask is None else mask.to(self.device)
            levels = self._levels(self.step)[own].to(self.device)
        with clock.phase("forward"):
            linear = self.linear_learns and self.step % config.linear_every == 0
            anchors = self.anchors[levels]
            out = simulate(self.codec, x, anchors, noise=True, bf16=config.bf16, linear=linear)
            pixels = config.crop * config.crop
            mse = (out.x_hat - x).square().mean((1, 2, 3)) * 65025
            bpp = (out.y_bits + out.z_bits) / pixels
        with clock.phase("perceptual"):
            extra = self.terms(x, out.x_hat, mask, self.step, config.bf16)
        low, high = self.codec.config.lambda_range
        weight = level_lambda(levels, self.codec.config.levels, low, high)
        counts = balance(weight, low, high, config.level_weight_power)
        loss = (counts * (bpp + weight * (config.perceptual.mse * mse + extra.total))).mean()
        total = loss
        if out.linear_y_bits is not None:
            total = total + (counts * out.linear_y_bits).mean() / pixels
        self._finite(total, "loss", levels)
        if not total.requires_grad:
            raise TrainingError(
                f"nothing of train_only is in the loss of step {self.step}; "
                "with the linear scale decoder alone, set linear_every = 1"
            )
        with clock.phase("backward"):
            for group in self.optimiser.param_groups:
                group["lr"] = learning_rate(config, self.step) * group["factor"]
            self.optimiser.zero_grad(set_to_none=True)
            total.backward()
            self.team.average(self.codec)
        with clock.phase("optimiser"):
            norm = torch.nn.utils.clip_grad_norm_(self.codec.parameters(), config.clip_norm)
            self._finite(norm, "gradient", levels)
        return loss, bpp, mse, dict(extra.parts), x, out.x_hat

    def _finite(self, value: Tensor, what: str, levels: Tensor | None) -> None:
        """Stop before an optimiser would spread what is not a number; the whole team stops."""
        if self.team.any(not bool(torch.isfinite(value))):
            of = "" if levels is None else f" (levels {levels.tolist()})"
            raise TrainingError(
                f"the {what} is not finite at step {self.step}{of}; the state of the last save and "
                f"the best weights so far are kept in {self.run}"
            )

    def _play(self, x: Tensor, decoded: Tensor) -> dict[str, float]:
        """The discriminator's own step."""
        if self.game is None or self.terms.discriminator is None:
            return {}
        with self.stopwatch.phase("discriminator"):
            loss = self.terms.discriminate(x, decoded, self.config.bf16)
            self._finite(loss, "loss of the discriminator", None)
            self.game.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            self.team.average(self.terms.discriminator)
            self.game.step()
        return {"discriminator": loss.item()}

    def _average(self) -> None:
        # A short memory at first, or the average would remember the random start.
        decay = min(self.config.ema_decay**AVERAGE_EVERY, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            targets: list[Tensor] = list(self.averaged.parameters())
            sources = [p.detach() for p in self.codec.parameters()]
            torch._foreach_lerp_(targets, sources, 1 - decay)

    def validate(self) -> Validation:
        """The averaged weights on the held-out photos; the best so far are kept."""
        config = self.config
        with self._as_stored(self.averaged):
            found = validate(
                self.averaged,
                self.terms,
                self.photos.holdout,
                self.anchors,
                config.level_weight_power,
                config.bf16,
            )
        if found.objective < self.best:
            self.best = found.objective
            halved = {name: value.half() for name, value in self.averaged.state_dict().items()}
            facts = {
                "preset": config.preset,
                "step": self.step,
                "objective": found.objective,
                "validation": found.records(),
            }
            write_parts(self.run, BEST, _bytes({"averaged": halved}), facts)
        return found

    def _validated(self) -> None:
        if self.team.leads:
            self.journal.validation(self.step, self.validate())

    def fit(self, report: Callable[[Progress], None], should_stop: Callable[[], bool]) -> None:
        """Train to ``config.steps`` or until ``should_stop``, asked between steps; saves at every
        validation and at the end. An exception leaves the last save as it is: in the middle of a
        step there is no state that could be resumed exactly."""
        make_folder(self.run)
        config, started, since = self.config, time.monotonic(), self.step
        shares: dict[str, float] = {}
        validated = self.step
        if self.step == 0 and self.started:
            # What is trained on must first become better than what it started from.
            self._validated()
        while self.step < config.steps and not self.team.any(should_stop()):
            result = self.train_step()
            logged = self.step % config.log_every == 0 or self.step == config.steps
            if logged:
                shares = self.stopwatch.shares()
            pixels = (self.step - since) * config.batch * config.crop**2
            speed = pixels / 1e6 / (time.monotonic() - started)
            progress = Progress(self.step, config.steps, result, speed, shares)
            report(progress)
            if logged and self.team.leads:
                self.journal.step(progress)
            if self.step % config.validate_every == 0:
                self._validated()
                validated = self.step
                self.save()
        if self.step > since and self.step != validated:
            if self.step >= config.steps:
                self._validated()
            self.save()


def _bytes(state: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()
