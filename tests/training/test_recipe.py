import json
from pathlib import Path

import pytest
import torch

from pico_deploy.errors import TrainingError, UsageError
from pico_deploy.training.config import TrainConfig, load_config
from pico_deploy.training.recipe import LOG_FILE, STATE_FILE, Trainer, learning_rate


def run(settings: TrainConfig, photos, folder: Path, stop_at: int | None = None) -> Trainer:
    trainer = Trainer(settings, photos, folder, "cpu")
    trainer.resume()
    trainer.fit(lambda _: None, lambda: trainer.step == stop_at)
    return trainer


def test_a_resumed_run_gives_the_same_weights_as_an_unbroken_one(
    settings, photos, tmp_path
) -> None:
    whole = run(settings, photos, tmp_path / "whole")
    run(settings, photos, tmp_path / "halves", stop_at=3)
    resumed = run(settings, photos, tmp_path / "halves")
    assert whole.step == resumed.step == settings.steps
    for a, b in zip(whole.codec.parameters(), resumed.codec.parameters(), strict=True):
        assert torch.equal(a, b)
    for a, b in zip(whole.averaged.parameters(), resumed.averaged.parameters(), strict=True):
        assert torch.equal(a, b)


def test_another_seed_gives_other_weights(settings, photos, tmp_path) -> None:
    one = run(settings, photos, tmp_path / "one")
    two = run(settings.model_copy(update={"seed": 9}), photos, tmp_path / "two")
    pairs = zip(one.codec.parameters(), two.codec.parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in pairs)


def test_training_lowers_the_loss_on_its_own_photos(settings, photos, tmp_path) -> None:
    trainer = Trainer(
        settings.model_copy(update={"steps": 80, "learning_rate": 4e-3}), photos, tmp_path, "cpu"
    )
    losses = [trainer.train_step()[0] for _ in range(80)]
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])


def test_a_state_of_another_configuration_is_refused(settings, photos, tmp_path) -> None:
    run(settings, photos, tmp_path, stop_at=1)
    with pytest.raises(TrainingError, match="another configuration"):
        Trainer(settings.model_copy(update={"batch": 1}), photos, tmp_path, "cpu").resume()


def test_the_horizon_may_change_on_resume(settings, photos, tmp_path) -> None:
    run(settings, photos, tmp_path, stop_at=1)
    longer = settings.model_copy(update={"steps": 8, "decay_steps": 3})
    assert run(longer, photos, tmp_path).step == 8


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_state(
    settings, photos, tmp_path
) -> None:
    trainer = run(settings, photos, tmp_path, stop_at=3)
    saved = (tmp_path / STATE_FILE).read_bytes()
    with torch.no_grad():
        trainer.codec.decoder.head.weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match="not finite at step 3"):
        trainer.fit(lambda _: None, lambda: False)
    assert (tmp_path / STATE_FILE).read_bytes() == saved
    state = torch.load(tmp_path / STATE_FILE, weights_only=True)
    assert all(torch.isfinite(v).all() for v in state["codec"].values())


def test_the_log_holds_losses_and_validations(settings, photos, tmp_path) -> None:
    run(settings, photos, tmp_path)
    records = [json.loads(line) for line in (tmp_path / LOG_FILE).read_text().splitlines()]
    assert [r["step"] for r in records if "loss" in r] == [1, 2, 3, 4, 5, 6]
    validations = [r["validation"] for r in records if "validation" in r]
    assert len(validations) == 2
    assert {"level", "bits_per_pixel", "psnr_db"} == set(validations[0][0])


def test_learning_rate_rises_stays_and_falls_to_zero(settings) -> None:
    long = settings.model_copy(update={"steps": 100, "warmup_steps": 10, "decay_steps": 20})
    rates = [learning_rate(long, s) for s in range(101)]
    assert rates[0] < rates[5] < rates[9] == pytest.approx(long.learning_rate)
    assert rates[50] == rates[80] == long.learning_rate
    assert rates[81] < long.learning_rate
    assert rates[100] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    "text,complaint",
    [
        ("preset = 'pico-s'", "steps"),
        ("preset = 'pico-s'\nsteps = 1\nbach = 3", "bach"),
        ("preset = 'pico-s'\nsteps = -1", "steps"),
        ("not toml", "not TOML"),
    ],
)
def test_a_wrong_configuration_names_its_field(tmp_path, text, complaint) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=complaint):
        load_config(path)


def test_an_unknown_preset_is_refused(settings, photos, tmp_path) -> None:
    with pytest.raises(UsageError, match="pico-s"):
        Trainer(settings.model_copy(update={"preset": "pico-xxl"}), photos, tmp_path, "cpu")


def test_the_shipped_recipe_is_valid() -> None:
    folder = Path(__file__).parents[2] / "pico_deploy/training/recipes"
    recipes = sorted(folder.glob("*.toml"))
    assert recipes
    for recipe in recipes:
        assert load_config(recipe).preset


def test_identity_covers_every_field_but_the_horizon() -> None:
    free = {"steps", "decay_steps", "log_every", "validate_every"}
    fields = set(TrainConfig.model_fields)
    assert set(TrainConfig(preset="x", steps=1).identity()) == fields - free
