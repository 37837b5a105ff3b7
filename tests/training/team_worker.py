"""One process of a team, for test_team: trains the tiny preset and stores what it holds."""

import sys
from pathlib import Path

import torch
from tiny_pico import TINY

from pico_deploy.codecs.config import PRESETS
from pico_deploy.training.config import TrainConfig
from pico_deploy.training.data import load_photos
from pico_deploy.training.journal import LOG_FILE, Progress
from pico_deploy.training.recipe import Trainer
from pico_deploy.training.team import Team, join_team

folder, out, fault = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
PRESETS["tiny"] = TINY
settings = TrainConfig(
    preset="tiny", steps=4, decay_steps=2, warmup_steps=2, batch=4, crop=128, bf16=False,
    log_every=1, validate_every=2, holdout_every=4,
)  # fmt: skip
team = join_team(settings.batch, "cpu")
if fault == "apart":
    Team.average = lambda self, module: None  # type: ignore[method-assign]
elif fault == "leader":  # alike in all processes, but of half of the batch

    def follow(self: Team, module: torch.nn.Module) -> None:
        for parameter in module.parameters():
            if parameter.grad is not None:
                self.same(parameter.grad)

    Team.average = follow  # type: ignore[method-assign]
photos = load_photos(folder, None, 128, 4, lambda _: None)
trainer = Trainer(settings, photos, out / "run", "cpu", team=team)
losses: list[float] = []
gradients: list[torch.Tensor] = []


def note(progress: Progress) -> None:
    losses.append(progress.result.loss)
    decoder = trainer.codec.decoder.parameters()
    gradients.append(torch.cat([p.grad.flatten() for p in decoder if p.grad is not None]))


trainer.fit(note, lambda: False)
log = out / "run" / LOG_FILE
torch.save(
    {
        "codec": trainer.codec.state_dict(),
        "losses": losses,
        "gradient": gradients[0],
        "records": len(log.read_text().splitlines()) if team.leads else 0,
    },
    out / f"{team.rank}.result",
)
