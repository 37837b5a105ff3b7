"""The integer cost is a share of bits, so large images count for what they are."""

import pytest

from pico_deploy.errors import InputError
from pico_deploy.evaluation.integer_cost import ImageBits, integer_cost


def test_cost_is_over_all_bits_and_at_each_level() -> None:
    cost = integer_cost(
        [
            ImageBits("a", 0, 100.0, 110.0),
            ImageBits("b", 0, 300.0, 303.0),
            ImageBits("a", 70, 1000.0, 1002.0),
        ]
    )
    assert cost.percent == pytest.approx(100 * (1415 / 1400 - 1))
    assert cost.percent_of_level[0] == pytest.approx(3.25)
    assert cost.percent_of_level[70] == pytest.approx(0.2)
    assert (cost.worst.photo, cost.worst.level) == ("a", 0)
    assert cost.worst_percent == pytest.approx(10)


def test_equal_bits_cost_nothing() -> None:
    assert integer_cost([ImageBits("a", 0, 5.0, 5.0)]).percent == 0


def test_nothing_to_compare_is_an_error() -> None:
    with pytest.raises(InputError):
        integer_cost([])
    with pytest.raises(InputError, match="a at level 3"):
        integer_cost([ImageBits("a", 3, float("nan"), 5.0)])
