import copy
import dataclasses
import functools

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_pico import short_fits

from pico_deploy._core import Model
from pico_deploy.cli.app import run
from pico_deploy.codecs.config import PRESETS
from pico_deploy.codecs.layers import is_channelwise
from pico_deploy.codecs.levels import anchor_weights
from pico_deploy.codecs.pico import PicoCodec
from pico_deploy.codecs.protocol import Codec
from pico_deploy.codecs.trained import TrainedPico
from pico_deploy.entropy.levels import anchor_levels
from pico_deploy.entropy.prove import prove
from pico_deploy.entropy.serialise import to_bytes
from pico_deploy.errors import CheckpointError, UsageError
from pico_deploy.training.calibrate import calibrate
from pico_deploy.training.data import CropSampler
from pico_deploy.training.finalise import finalise, refit_linear
from pico_deploy.training.fit_scale_decoder import Fit
from pico_deploy.training.integer_twin import IntegerTwin
from pico_deploy.training.short_weights import MANTISSA_BITS, round_weight


@pytest.fixture
def network(tiny_preset: str) -> PicoCodec:
    torch.manual_seed(4)
    codec = PicoCodec(PRESETS[tiny_preset])
    with torch.no_grad():
        codec.encoder.gain.log_scale.sub_(1.5)
    return codec.eval()


@pytest.fixture
def weights(network, photos, tmp_path):
    return finalise(
        network, photos, tmp_path / "w" / "tiny.safetensors", crops=2, fits=short_fits(20)
    )


@pytest.mark.parametrize("shape", ["conv", "linear"])
def test_integer_indices_follow_the_float_scale_decoder(network, weights, shape) -> None:
    codec = TrainedPico.load(weights, shape)
    config = codec.config
    rng = np.random.default_rng(0)
    z = np.rint(rng.normal(0, 2, (1, config.hyper_channels, 2, 2))).astype(np.int8)
    core = Model(to_bytes(codec.entropy_model))
    for level in (0, 33, 70):
        anchors = torch.from_numpy(anchor_weights(71, 8))[[level]]
        with torch.no_grad():
            real = codec.network.scale_decoders[shape](torch.from_numpy(z).float(), anchors)
        index = core.scale_indices(z, np.array([level], np.uint8))
        error = index - real.clamp(0, 63).numpy()
        assert np.abs(error).mean() < 0.6  # rounding to whole indices alone gives 0.25
        assert np.abs(error).max() < 3


def test_the_checkpoint_round_trips_to_the_same_bytes(weights, tmp_path) -> None:
    codec = TrainedPico.load(weights)
    copy = tmp_path / "copy" / "tiny.safetensors"
    codec.save(copy)
    assert copy.read_bytes() == weights.read_bytes()
    assert copy.with_suffix(".json").read_text() == weights.with_suffix(".json").read_text()


def test_a_trained_pico_is_a_codec_with_the_parts_of_the_design(weights) -> None:
    codec = TrainedPico.load(weights)
    assert isinstance(codec, Codec)
    parts = codec.parts("crd")
    assert set(vars(parts)) == {"analysis", "scale_decoder", "synthesis", "tables"}
    assert prove(parts.scale_decoder, codec.geometry.z_max)
    assert len(parts.tables.y) == 64
    assert all(int(t.sum()) == 4096 for t in (*parts.tables.y, *parts.tables.z.rows))
    assert set(codec.synthesis_weights()) < set(codec.network.state_dict())


def test_weights_are_finalised_as_they_ship(network, weights) -> None:
    """Calibration sees the rounded weights, not the ones training ended with."""
    shipped = TrainedPico.load(weights).network.state_dict()
    for name, value in network.state_dict().items():
        if not name.startswith("scale_decoders."):  # fitted at the end
            whole = is_channelwise(name)
            expected = value.half().float() if whole else round_weight(value)
            assert torch.equal(shipped[name], expected), name


def test_a_gain_keeps_all_bits_of_fp16(network, photos, tmp_path) -> None:
    """Off by 2⁻⁹ of 3, a logarithm of a gain would shift a picture by more than a grey level."""
    with torch.no_grad():
        network.decoder.gain.log_scale.fill_(3 + 2**-8)
        network.decoder.head.weight.fill_(3 + 2**-8)
    path = finalise(network, photos, tmp_path / "g" / "t.safetensors", crops=1, fits=short_fits(1))
    shipped = TrainedPico.load(path).network.decoder
    assert (shipped.gain.log_scale == 3 + 2**-8).all()
    assert (shipped.head.weight != 3 + 2**-8).all()


@pytest.mark.parametrize("name", ["decoder.head.weight", "encoder.head.weight"])
def test_other_transforms_may_keep_the_entropy_model(
    network, weights, photos, tmp_path, name: str
) -> None:
    first = TrainedPico.load(weights)
    retuned = copy.deepcopy(first.network)
    with torch.no_grad():
        retuned.get_parameter(name).mul_(1.5)
    path = finalise(retuned, photos, tmp_path / "v" / "tiny.safetensors", entropy_from=first)
    second = TrainedPico.load(path)
    assert not torch.equal(second.network.get_parameter(name), first.network.get_parameter(name))
    for shape in ("conv", "linear"):
        kept, made = second.entropy_models[shape], first.entropy_models[shape]
        assert to_bytes(kept) == to_bytes(made)


@pytest.mark.parametrize(
    "name", ["context.leave.0.weight", "scale_decoders.conv.weight.0", "z_log_scale"]
)
def test_an_entropy_model_of_symbols_with_another_meaning_is_not_kept(
    weights, photos, tmp_path, name: str
) -> None:
    first = TrainedPico.load(weights)
    other = copy.deepcopy(first.network)
    with torch.no_grad():
        other.get_parameter(name).mul_(2).add_(1)
    with pytest.raises(CheckpointError, match=f"^{name} is not that of tiny"):
        finalise(other, photos, tmp_path / "x.safetensors", entropy_from=first)
    assert not (tmp_path / "x.safetensors").exists()


def test_an_entropy_model_of_another_configuration_is_not_kept(weights, photos, tmp_path) -> None:
    first = TrainedPico.load(weights)
    config = dataclasses.replace(first.config, hyper_depth=first.config.hyper_depth + 1)
    with pytest.raises(CheckpointError, match="another configuration"):
        finalise(PicoCodec(config), photos, tmp_path / "x.safetensors", entropy_from=first)


def test_a_weight_keeps_the_promised_bits_and_no_more() -> None:
    values = torch.cat([torch.randn(5000), torch.tensor([0.0, -0.0, 1.0, -1.5, 6e-8, 3e-5])])
    found = round_weight(values)
    mantissa, exponent = torch.frexp(found.double())
    steps = mantissa * 2 ** (MANTISSA_BITS + 1)
    assert torch.equal(steps, steps.round())
    assert not torch.equal(found, values.half().float()), "fp16 alone keeps more"
    normal = values.abs() > 2.0**-14
    error = (found - values).double().abs()[normal]
    # Half a step, and a quarter of that from rounding to fp16 first.
    assert (error <= 1.26 * 2.0 ** (exponent[normal].double() - 2 - MANTISSA_BITS)).all()
    assert torch.equal(round_weight(found), found)


def test_calibration_counts_every_anchor(network, photos) -> None:
    sampler = CropSampler(photos, 128, 0, 0.0, 0.0)
    calibration = calibrate(network, sampler, 1, lambda done, total: None)
    assert [s.level for s in calibration.samples] == list(range(0, 71, 10))
    assert tuple(range(0, 71, 10)) == anchor_levels(anchor_weights(71, 8))
    assert len(calibration.activation_maxima["conv"]) == 4
    assert all(m > 0 for m in calibration.activation_maxima["conv"])


def corrupt_tensor(weights, name, change) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(weights)
    change(tensors, name)
    save_file(tensors, weights)


@pytest.mark.parametrize(
    "change,complaint",
    [
        (lambda t, n: t[n].fill_(float("nan")), "NaN"),
        (lambda t, n: t.update({n: t[n][:-1].contiguous()}), "shape"),
        (lambda t, n: t.pop(n), "missing"),
        (lambda t, n: t.update({"more": torch.zeros(1)}), "unknown tensor 'more'"),
        (lambda t, n: t["entropy.conv"].__setitem__(60, 99), "entropy model"),
        (lambda t, n: [t.pop("entropy.conv"), t.pop("entropy.linear")], "no integer entropy model"),
    ],
)
def test_a_wrong_checkpoint_is_refused_by_name(weights, change, complaint) -> None:
    corrupt_tensor(weights, "decoder.head.weight", change)
    with pytest.raises(CheckpointError, match=complaint):
        TrainedPico.load(weights)


def test_a_truncated_an_empty_and_a_foreign_file_are_refused(weights, tmp_path) -> None:
    data = weights.read_bytes()
    for content in (data[: len(data) // 2], b"", b"hello"):
        weights.write_bytes(content)
        with pytest.raises(CheckpointError):
            TrainedPico.load(weights)
    other = weights.with_suffix(".onnx")
    other.write_bytes(data)
    with pytest.raises(CheckpointError, match="neither"):
        TrainedPico.load(other)


def test_a_pickle_that_would_run_code_is_refused_and_not_run(weights, tmp_path) -> None:
    marker = tmp_path / "executed"

    class Payload:
        def __reduce__(self):
            return (marker.touch, ())

    path = weights.with_suffix(".pt")
    torch.save({"decoder.head.weight": Payload()}, path)
    with pytest.raises(CheckpointError, match="weights_only"):
        TrainedPico.load(path)
    assert not marker.exists()


def test_a_safe_pt_checkpoint_loads(weights) -> None:
    from safetensors.torch import load_file

    path = weights.with_suffix(".pt")
    torch.save(load_file(weights), path)
    assert TrainedPico.load(path).name == "tiny"


@pytest.mark.parametrize(
    "text,complaint",
    [
        ('{"codec": "pico", "nme": 1}', "nme"),
        ("[]", "object"),
        ("{", "JSON"),
        ('{"name": "x"}', "encoder_channels"),
    ],
)
def test_a_wrong_configuration_is_refused(weights, text, complaint) -> None:
    weights.with_suffix(".json").write_text(text)
    with pytest.raises(CheckpointError, match=complaint):
        TrainedPico.load(weights)


def test_refitting_changes_the_linear_scale_decoder_alone(weights, photos) -> None:
    codec = TrainedPico.load(weights)
    fitted = refit_linear(codec, photos, crops=2, fit=Fit(5, 5e-2))
    before, after = codec.network.state_dict(), fitted.network.state_dict()
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert changed == {n for n in before if n.startswith("scale_decoders.linear.")}
    old, new = codec.entropy_models["linear"], fitted.entropy_models["linear"]
    assert to_bytes(fitted.entropy_models["conv"]) == to_bytes(codec.entropy_models["conv"])
    assert all(map(np.array_equal, new.y_tables, old.y_tables))
    assert not np.array_equal(new.layers[0].weight, old.layers[0].weight)
    # what is stored are the integers of what is stored
    twin = IntegerTwin(fitted.network, "linear", ())
    assert to_bytes(dataclasses.replace(new, layers=twin.layers())) == to_bytes(new)


def test_a_channel_that_is_not_there_is_refused(weights, photos) -> None:
    codec = TrainedPico.load(weights)
    with pytest.raises(UsageError, match=r"has channels 0 to \d+ of y, not 999"):
        refit_linear(codec, photos, [0, 999])
    only_conv = TrainedPico(codec.config, codec.network, {"conv": codec.entropy_models["conv"]})
    with pytest.raises(CheckpointError, match="no linear scale decoder"):
        refit_linear(only_conv, photos)


def test_the_command_refits_and_refuses_in_one_line(
    weights, tmp_path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = functools.partial(refit_linear, crops=2, fit=Fit(2, 5e-2))
    monkeypatch.setattr("pico_deploy.training.finalise.refit_linear", quick)
    out, photos, empty = (tmp_path / name for name in ("fitted/tiny.safetensors", "noise", "none"))
    empty.mkdir()
    for folder in (empty, tmp_path / "nowhere"):
        assert run(["refit", str(weights), "--data", str(folder), "-o", str(out)]) != 0
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not out.exists()
    photos.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (160, 160, 3), np.uint8)
    Image.fromarray(noise).save(photos / "one.png")
    command = ["refit", str(weights), "--data", str(photos), "-o", str(out), "--channel"]
    assert run([*command, "99999"]) == 2
    assert "of y, not 99999" in capsys.readouterr().err
    assert run([*command, "0"]) == 0
    codec, fitted = TrainedPico.load(weights), TrainedPico.load(out)
    assert to_bytes(fitted.entropy_models["conv"]) == to_bytes(codec.entropy_models["conv"])
