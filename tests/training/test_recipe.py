import io
import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pico_deploy.codecs.checkpoint import read_tensors, write_tensors
from pico_deploy.codecs.difference import nearest
from pico_deploy.errors import CheckpointError, TrainingError, UsageError
from pico_deploy.training.config import PerceptualConfig, TrainConfig, load_config
from pico_deploy.training.journal import LOG_FILE
from pico_deploy.training.optimisation import learning_rate
from pico_deploy.training.parts import PART_BYTES, read_facts, read_parts
from pico_deploy.training.recipe import Trainer
from pico_deploy.training.start import BEST, STATE


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
    losses = [trainer.train_step().loss for _ in range(80)]
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])


def test_a_state_of_another_configuration_is_refused(settings, photos, tmp_path) -> None:
    run(settings, photos, tmp_path, stop_at=1)
    with pytest.raises(TrainingError, match="another configuration"):
        Trainer(settings.model_copy(update={"batch": 1}), photos, tmp_path, "cpu").resume()


def test_the_horizon_may_change_on_resume(settings, photos, tmp_path) -> None:
    run(settings, photos, tmp_path, stop_at=1)
    longer = settings.model_copy(update={"steps": 8, "decay_steps": 3})
    assert run(longer, photos, tmp_path).step == 8


def poisoned(trainer: Trainer, what: str) -> None:
    with torch.no_grad():
        if what == "loss":
            trainer.codec.decoder.head.weight.fill_(float("nan"))
        else:
            gain = trainer.codec.encoder.gain.log_scale
            gain.register_hook(lambda grad: grad * float("nan"))


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_what_is_not_finite_stops_the_run_and_keeps_the_last_good_state(
    settings, photos, tmp_path, what
) -> None:
    trainer = run(settings, photos, tmp_path, stop_at=3)
    saved = read_parts(tmp_path, STATE)
    best = read_parts(tmp_path, BEST)
    poisoned(trainer, what)
    before = [p.clone() for p in trainer.codec.decoder.up.parameters()]
    with pytest.raises(TrainingError, match=f"the {what} is not finite at step 3"):
        trainer.fit(lambda _: None, lambda: False)
    for old, new in zip(before, trainer.codec.decoder.up.parameters(), strict=True):
        assert torch.equal(old, new), "the optimiser did not run"
    assert (read_parts(tmp_path, STATE), read_parts(tmp_path, BEST)) == (saved, best)
    state = torch.load(io.BytesIO(saved), weights_only=True)
    assert all(torch.isfinite(v).all() for v in state["codec"].values())


def test_every_file_of_a_run_is_small_enough_to_carry(settings, photos, tmp_path, monkeypatch):
    monkeypatch.setattr("pico_deploy.training.parts.PART_BYTES", 20_000)
    run(settings, photos, tmp_path)
    parts = sorted(tmp_path.glob("*.part"))
    assert len(parts) > 4 and max(p.stat().st_size for p in parts) <= 20_000
    assert PART_BYTES < 16e6
    resumed = Trainer(settings, photos, tmp_path, "cpu")
    assert resumed.resume() and resumed.step == settings.steps


def test_the_weights_of_the_best_validation_are_kept(settings, photos, tmp_path) -> None:
    trainer = run(settings, photos, tmp_path)
    facts = read_facts(tmp_path, BEST)
    assert facts is not None and facts["objective"] == trainer.best
    codec, step = trainer.best_codec()
    assert step == facts["step"]
    # Worse weights later on do not replace them.
    with torch.no_grad():
        trainer.averaged.decoder.head.weight.mul_(3)
    assert trainer.validate().objective > trainer.best
    again, _ = trainer.best_codec()
    for a, b in zip(codec.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    assert torch.equal(
        codec.decoder.head.weight, trainer.best_codec()[0].decoder.head.weight.half().float()
    )


def test_a_run_continues_to_count_its_best_after_a_resume(settings, photos, tmp_path) -> None:
    first = run(settings, photos, tmp_path, stop_at=4)
    resumed = Trainer(settings, photos, tmp_path, "cpu")
    resumed.resume()
    assert resumed.best == first.best < float("inf")


STAGE2 = {
    "ms_ssim": 0, "tiling": 50, "text": 50, "gan": 5, "gan_channels": 4, "gan_start": 1,
    "gan_rise": 2,
}  # fmt: skip


@pytest.fixture
def stage2(settings: TrainConfig) -> TrainConfig:
    return settings.model_copy(update={"perceptual": PerceptualConfig.model_validate(STAGE2)})


def test_stage_2_starts_from_stage_1_and_resumes_bit_exactly(
    settings, stage2, photos, tmp_path
) -> None:
    one = run(settings, photos, tmp_path / "one")
    trainer = Trainer(stage2, photos, tmp_path / "two", "cpu", tmp_path / "one")
    best, _ = one.best_codec()
    for a, b in zip(best.parameters(), trainer.codec.parameters(), strict=True):
        assert torch.equal(a, b)
    trainer.fit(lambda _: None, lambda: False)
    halves = Trainer(stage2, photos, tmp_path / "halves", "cpu", tmp_path / "one")
    halves.fit(lambda _: None, lambda: halves.step == 3)
    resumed = Trainer(stage2, photos, tmp_path / "halves", "cpu")
    assert resumed.resume()
    resumed.fit(lambda _: None, lambda: False)
    for mine, whole in ((resumed.codec, trainer.codec), (resumed.terms, trainer.terms)):
        for a, b in zip(mine.state_dict().values(), whole.state_dict().values(), strict=True):
            assert torch.equal(a, b)
    records = [json.loads(line) for line in (tmp_path / "two" / LOG_FILE).open()]
    parts = [r["parts"] for r in records if "parts" in r]
    assert set(parts[-1]) == {"tiling", "gan", "discriminator"}
    assert "gan" not in parts[0], "the discriminator has its first step alone"


def test_stage_2_is_never_worse_than_what_it_started_from(
    settings, stage2, photos, tmp_path
) -> None:
    run(settings, photos, tmp_path / "one")
    ruinous = stage2.model_copy(update={"learning_rate": 0.1, "warmup_steps": 0})
    trainer = Trainer(ruinous, photos, tmp_path / "two", "cpu", tmp_path / "one")
    start = [p.clone() for p in trainer.averaged.parameters()]
    trainer.fit(lambda _: None, lambda: trainer.step == 3)
    best, step = trainer.best_codec()
    assert step == 0
    for a, b in zip(start, best.parameters(), strict=True):
        assert torch.equal(a.half().float(), b)


def test_stage_2_takes_a_finished_checkpoint_and_a_single_state(
    settings, stage2, photos, tmp_path
) -> None:
    from safetensors.torch import save_file

    one = run(settings, photos, tmp_path / "one")
    weights = one.averaged.state_dict()
    save_file({**weights, "entropy.conv": torch.zeros(3)}, tmp_path / "w.safetensors")
    torch.save({"averaged": weights, "step": 1}, tmp_path / "state.pt")
    for source in ("w.safetensors", "state.pt"):
        trainer = Trainer(stage2, photos, tmp_path / source, "cpu", tmp_path / source)
        assert torch.equal(trainer.codec.decoder.head.weight, one.averaged.decoder.head.weight)


@pytest.mark.parametrize(
    "make,complaint",
    [
        (lambda w: {"averaged": w | {"decoder.head.weight": torch.zeros(2)}}, "is 2, expected"),
        (lambda w: {"averaged": {k: v for k, v in w.items() if "head" not in k}}, "is missing"),
        (lambda w: {"averaged": w | {"more": torch.zeros(1)}}, "more is unknown"),
        (lambda w: {"averaged": {k: v * float("nan") for k, v in w.items()}}, "not finite"),
        (lambda w: {"weights": w}, "no state of a run"),
    ],
)
def test_a_start_from_another_configuration_or_file_is_refused(
    settings, photos, tmp_path, make, complaint
) -> None:
    weights = Trainer(settings, photos, tmp_path, "cpu").averaged.state_dict()
    torch.save(make(weights), tmp_path / "state.pt")
    with pytest.raises(CheckpointError, match=complaint):
        Trainer(settings, photos, tmp_path / "run", "cpu", tmp_path / "state.pt")


def test_a_start_from_nothing_is_refused(settings, photos, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.pt").write_bytes(b"no state")
    for source in ("empty", "absent.pt", "x.pt"):
        with pytest.raises(CheckpointError):
            Trainer(settings, photos, tmp_path / "run", "cpu", tmp_path / source)


def test_a_damaged_part_is_named(settings, photos, tmp_path) -> None:
    run(settings, photos, tmp_path, stop_at=1)
    part = next(tmp_path.glob("state-*.part"))
    part.write_bytes(part.read_bytes()[:-1] + b"?")
    with pytest.raises(TrainingError, match=part.name):
        Trainer(settings, photos, tmp_path, "cpu").resume()


def test_the_log_holds_losses_and_validations(settings, photos, tmp_path) -> None:
    run(settings, photos, tmp_path)
    records = [json.loads(line) for line in (tmp_path / LOG_FILE).read_text().splitlines()]
    assert [r["step"] for r in records if "loss" in r] == [1, 2, 3, 4, 5, 6]
    validations = [r["validation"] for r in records if "validation" in r]
    assert len(validations) == 2
    times = [r["time"] for r in records if "loss" in r]
    assert all({"data", "forward", "backward", "optimiser"} <= set(t) for t in times)
    assert all(sum(t.values()) == pytest.approx(1) for t in times)
    assert list((tmp_path / "tensorboard").glob("events*"))
    assert {"level", "bits_per_pixel", "psnr_db", "objective"} == set(validations[0][0])


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


def test_bytes_are_no_configuration(tmp_path) -> None:
    (tmp_path / "c.toml").write_bytes(b"\xff\xd8")
    with pytest.raises(UsageError, match="is not TOML"):
        load_config(tmp_path / "c.toml")


def test_an_unknown_device_is_refused(settings, photos, tmp_path) -> None:
    with pytest.raises(UsageError, match="use cpu or cuda"):
        Trainer(settings, photos, tmp_path, "cpux")


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
    perceptual = PerceptualConfig(ssimulacra2=1, mse=0.5)
    full = TrainConfig(preset="x", steps=1, train_only=("decoder.*",), perceptual=perceptual)
    assert set(full.identity()) == fields - free
    assert set(full.identity()["perceptual"]) == set(PerceptualConfig.model_fields)


def test_states_from_before_a_field_existed_are_still_of_the_same_run() -> None:
    found = TrainConfig(preset="x", steps=1).identity()
    assert "train_only" not in found
    assert not {"mse", "ssimulacra2"} & set(found["perceptual"])


def test_the_mse_counts_what_the_recipe_says(settings, photos, tmp_path) -> None:
    losses = []
    for weight in (0.0, 0.5, 1.0):
        perceptual = PerceptualConfig(mse=weight)
        trainer = Trainer(
            settings.model_copy(update={"perceptual": perceptual}), photos, tmp_path / "r", "cpu"
        )
        objective = trainer.validate().objective
        losses.append((trainer.train_step().loss, objective))
    for rate_alone, half, whole in zip(*losses, strict=True):
        assert rate_alone < half < whole
        assert half - rate_alone == pytest.approx(whole - half, rel=1e-4)


def test_the_linear_scale_decoder_runs_only_where_it_learns(settings, photos, tmp_path) -> None:
    for only, expected in ((), True), (("decoder.*",), False):
        chosen = settings.model_copy(update={"train_only": only, "linear_every": 1})
        trainer = Trainer(chosen, photos, tmp_path, "cpu")
        calls: list[int] = []
        trainer.codec.scale_decoders["linear"].register_forward_hook(
            lambda *_, calls=calls: calls.append(1)
        )
        trainer.train_step()
        assert bool(calls) is expected


def test_only_the_chosen_parameters_learn_and_resume_bit_exactly(
    settings, photos, tmp_path
) -> None:
    chosen = settings.model_copy(update={"train_only": ("decoder.up.*", "decoder.*.log_scale")})
    start = Trainer(chosen, photos, tmp_path / "start", "cpu").codec.state_dict()
    start = {name: value.clone() for name, value in start.items()}
    whole = run(chosen, photos, tmp_path / "whole")
    moved = {n for n, p in whole.codec.named_parameters() if not torch.equal(p, start[n])}
    assert "decoder.up.2.conv.weight" in moved and "decoder.gain.log_scale" in moved
    assert all(n.startswith("decoder.up.") or n.endswith(".log_scale") for n in moved)
    for name, value in whole.averaged.state_dict().items():
        assert (name in moved) != torch.equal(value, start[name])
    run(chosen, photos, tmp_path / "halves", stop_at=3)
    resumed = run(chosen, photos, tmp_path / "halves")
    for a, b in zip(whole.codec.parameters(), resumed.codec.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_pattern_that_matches_nothing_is_refused(settings, photos, tmp_path) -> None:
    wrong = settings.model_copy(update={"train_only": ("decoder.*", "synthesis.*")})
    with pytest.raises(UsageError, match="matches 'synthesis"):
        Trainer(wrong, photos, tmp_path, "cpu")


def test_a_step_in_which_nothing_learns_is_an_error(settings, photos, tmp_path) -> None:
    only = settings.model_copy(update={"train_only": ("scale_decoders.linear.*",)})
    trainer = Trainer(only, photos, tmp_path, "cpu")
    trainer.train_step()
    with pytest.raises(TrainingError, match="linear_every = 1"):
        trainer.train_step()


def test_every_anchor_is_validated(settings, photos, tmp_path) -> None:
    found = Trainer(settings, photos, tmp_path, "cpu").validate()
    assert [level.level for level in found.levels] == [0, 10, 20, 30, 40, 50, 60, 70]


def test_a_difference_is_what_is_computed_with_and_not_what_learns(
    settings, photos, tmp_path
) -> None:
    torch.manual_seed(9)
    base = tmp_path / "base.safetensors"
    plain = Trainer(settings, photos, tmp_path / "plain", "cpu")
    write_tensors(base, plain.codec.state_dict())
    chosen = settings.model_copy(update={"train_only": ("decoder.*",)})
    trainer = Trainer(chosen, photos, tmp_path / "run", "cpu", difference_to=base)
    with torch.no_grad():
        for parameter in trainer.codec.decoder.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.01)
    name = "decoder.head.weight"
    weight, old = trainer.codec.get_parameter(name), read_tensors(base)[name]
    before = weight.detach().clone()
    with trainer._as_stored(trainer.codec):
        assert torch.equal(weight, nearest(name, before, old)) and not torch.equal(weight, before)
    assert torch.equal(weight, before)
    assert {n.split(".")[0] for n in trainer.base} == {"decoder"}
    seen: list[Tensor] = []
    trainer.codec.decoder.head.register_forward_pre_hook(
        lambda module, _: seen.append(module.weight.detach().clone())
    )
    trainer.train_step()
    assert torch.equal(seen[0], nearest(name, before, old))
    assert 0 < (weight - before).abs().max() < 0.02, "a small step from where it was"


def test_a_run_belongs_to_its_base(settings, photos, tmp_path) -> None:
    base = tmp_path / "base.safetensors"
    run(settings, photos, tmp_path / "run", stop_at=3)
    write_tensors(base, Trainer(settings, photos, tmp_path / "run", "cpu").codec.state_dict())
    other = Trainer(settings, photos, tmp_path / "run", "cpu", difference_to=base)
    with pytest.raises(TrainingError, match="another configuration"):
        other.resume()
