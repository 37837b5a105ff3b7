"""The integer cost is a share of bits, so large images count for what they are."""

import math

import pytest

from pico_deploy.errors import InputError
from pico_deploy.evaluation.integer_cost import ImageBits, SymbolBits, integer_cost


def image(photo: str, level: int, float_model: float, integer_model: float) -> ImageBits:
    return ImageBits(photo, level, SymbolBits(float_model, integer_model - 1, integer_model))


def test_cost_is_over_all_bits_and_at_each_level() -> None:
    cost = integer_cost(
        [image("a", 0, 100, 110), image("b", 0, 300, 303), image("a", 70, 1000, 1002)]
    )
    assert cost.percent == pytest.approx(100 * (1415 / 1400 - 1))
    assert cost.network_percent == pytest.approx(100 * (1415 / 1412 - 1))
    assert cost.percent_of_level[0] == pytest.approx(3.25)
    assert cost.percent_of_level[70] == pytest.approx(0.2)
    assert (cost.worst.photo, cost.worst.level) == ("a", 0)
    assert cost.worst_percent == pytest.approx(10)


def test_equal_bits_cost_nothing_and_fewer_are_a_gain() -> None:
    equal = ImageBits("a", 0, SymbolBits(5, 5, 5))
    assert (integer_cost([equal]).percent, integer_cost([equal]).network_percent) == (0, 0)
    assert integer_cost([image("a", 0, 100, 98)]).percent == pytest.approx(-2)


def test_bits_of_tiles_add_up() -> None:
    assert SymbolBits(1, 2, 3) + SymbolBits(10, 20, 30) == SymbolBits(11, 22, 33)


def test_nothing_to_compare_is_an_error() -> None:
    with pytest.raises(InputError):
        integer_cost([])
    with pytest.raises(InputError, match="a at level 3"):
        integer_cost([image("a", 3, math.nan, 5)])
