"""The perceptual distance is that of the published network, and its gradient reaches pictures."""

import pytest
import torch

from pico_deploy.errors import MissingDependencyError
from pico_deploy.training.perceptual import lpips
from pico_deploy.training.perceptual.lpips import Lpips, load_lpips

# From the package's own classes on the same pictures, with stubs for what they only import.
REFERENCE = [0.216294, 0.376963]


@pytest.fixture(scope="module")
def network() -> Lpips:
    try:
        return load_lpips()
    except MissingDependencyError as error:
        pytest.skip(str(error))


def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    """Two pairs that need no random generator: waves, and the same waves bent."""
    rows = torch.arange(70.0)[:, None] / 9
    columns = torch.arange(90.0)[None] / 7
    planes = [torch.sin(rows * k + columns / k) for k in (1.0, 2.0, 3.0)]
    wave = torch.stack(planes)[None] * 0.4 + 0.5
    bent = (wave + 0.1 * torch.cos(rows * columns)).clamp(0, 1)
    return torch.cat([wave, wave.flip(-1)]), torch.cat([bent, wave])


def test_distances_are_those_of_the_published_network(network: Lpips) -> None:
    assert network(*pictures()).tolist() == pytest.approx(REFERENCE, rel=1e-4)


def test_equal_pictures_have_distance_zero_and_order_does_not_matter(network: Lpips) -> None:
    x, y = pictures()
    assert network(x, x).tolist() == [0, 0]
    assert torch.allclose(network(x, y), network(y, x))


def test_gradient_reaches_the_picture_and_not_the_network(network: Lpips) -> None:
    x, y = pictures()
    y.requires_grad_(True)
    network(x, y).sum().backward()
    assert y.grad is not None and bool(torch.isfinite(y.grad).all())
    assert float(y.grad.abs().sum()) > 0
    assert all(parameter.grad is None for parameter in network.parameters())
    nearer = (y - 5 * y.grad).detach()
    assert network(x, nearer).sum().item() < network(x, y).sum().item()


def test_a_damaged_weight_would_be_noticed(network: Lpips) -> None:
    import copy

    other = copy.deepcopy(network)
    with torch.no_grad():
        other.trunk[2].weight.mul_(0.9)  # type: ignore[union-attr, operator]
    assert other(*pictures()).tolist() != pytest.approx(REFERENCE, rel=1e-4)


def test_without_the_weights_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lpips, "PACKAGE", "no_such_package")
    with pytest.raises(MissingDependencyError, match="no_such_package"):
        load_lpips()
    with pytest.raises(MissingDependencyError, match="no_such_package"):
        lpips.lpips_version()
