"""What a run tells while it trains: a log of JSON lines, and TensorBoard."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from pico_deploy.outputs import cannot_write
from pico_deploy.training.board import Board
from pico_deploy.training.validation import Validation

LOG_FILE = "log.jsonl"
BOARD_FOLDER = "tensorboard"


@dataclass(frozen=True)
class StepResult:
    """Means over the batch of one step; MSE on the 0…255 scale. ``parts``: perceptual terms before
    their weights.
    """

    loss: float
    bits_per_pixel: float
    mse: float
    parts: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """What a caller shows while training runs. ``shares``: where the time went, up to the last
    logged step.
    """

    step: int
    steps: int
    result: StepResult
    megapixels_per_second: float
    shares: dict[str, float]

    def __str__(self) -> str:
        result = self.result
        shares = ", ".join(f"{name} {100 * share:.0f} %" for name, share in self.shares.items())
        return (
            f"loss {result.loss:.3f}  {result.bits_per_pixel:.3f} bpp  mse {result.mse:.1f}  "
            f"{self.megapixels_per_second:.2f} Mpx/s" + (f"  ({shares})" if shares else "")
        )


class Journal:
    """Appends to the log of a run."""

    def __init__(self, run: Path) -> None:
        self._log = run / LOG_FILE
        self._board = Board(run / BOARD_FOLDER)

    def _write(self, record: dict[str, object]) -> None:
        try:
            with self._log.open("a", encoding="utf-8") as log:
                log.write(json.dumps(record) + "\n")
        except OSError as error:
            raise cannot_write(self._log, error) from error

    def step(self, progress: Progress) -> None:
        """Loss, rate, distortion, speed, and where the time went."""
        result = progress.result
        figures = {
            "loss": result.loss,
            "bpp": result.bits_per_pixel,
            "mse": result.mse,
            "mpx_s": progress.megapixels_per_second,
        }
        parts: dict[str, object] = {"parts": result.parts} if result.parts else {}
        self._write({"step": progress.step, **figures, "time": progress.shares, **parts})
        scalars = {f"train/{name}": value for name, value in figures.items()}
        scalars |= {f"perceptual/{name}": value for name, value in result.parts.items()}
        self._board.scalars(progress.step, scalars)

    def validation(self, step: int, found: Validation) -> None:
        """Rate, PSNR and objective of every level, and crops for the eye."""
        objective = found.objective if found.levels else None
        self._write({"step": step, "validation": found.records(), "objective": objective})
        scalars = {} if objective is None else {"validation/objective": objective}
        for level in found.levels:
            scalars[f"validation/psnr of level {level.level}"] = level.psnr_db
            scalars[f"validation/bpp of level {level.level}"] = level.bits_per_pixel
        self._board.scalars(step, scalars)
        for number, (original, decoded) in enumerate(found.pairs):
            self._board.pairs(step, f"held out/{number}", original, decoded)
        self._board.flush()
