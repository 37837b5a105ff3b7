"""The parts of the reference, each against a definition from outside."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pico_deploy import _core
from pico_deploy.entropy.crc32c import crc32c
from pico_deploy.entropy.gaussian import standard_tables
from pico_deploy.entropy.model import EntropyModel
from pico_deploy.entropy.reference.damage import Damage
from pico_deploy.entropy.reference.exceptions import (
    Exceptions,
    read_exceptions,
    write_exceptions,
)
from pico_deploy.entropy.reference.rans import RansDecoder, RansEncoder
from pico_deploy.entropy.reference.tables import CodingTables, unzigzag, zigzag
from pico_deploy.entropy.reference.varint import ByteReader, varint

from entropy_models import plain_model  # isort: skip


def test_crc32c_gives_the_published_check_value_in_both_implementations() -> None:
    assert crc32c(b"123456789") == _core.crc32c(b"123456789") == 0xE3069283
    assert crc32c(b"6789", crc32c(b"12345")) == _core.crc32c(b"6789", _core.crc32c(b"12345"))
    assert crc32c(b"6789", crc32c(b"12345")) == 0xE3069283


@given(st.integers(0, 2**32 - 1))
def test_varints_round_trip_in_the_shortest_form(value: int) -> None:
    data = varint(value)
    assert ByteReader(data).varint() == value
    assert len(data) == max(1, -(-value.bit_length() // 7))


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x80\x00", b"\xff" * 4 + b"\x10", b"\x80" * 6])
def test_other_forms_of_varints_are_refused(data: bytes) -> None:
    with pytest.raises(Damage):
        ByteReader(data).varint()


@given(st.integers(-128, 127))
def test_zigzag_is_the_inverse_of_unzigzag(value: int) -> None:
    assert unzigzag(zigzag(np.array([value]))).tolist() == [value]


@given(
    st.lists(
        st.tuples(
            st.one_of(st.integers(0, 9), st.integers(1000, 1010), st.integers(65530, 65540)),
            st.integers(-127, 127).filter(bool),
        ),
        max_size=6,
    ),
    st.integers(0, 40000),
)
def test_exceptions_round_trip(gaps: list[tuple[int, int]], after: int) -> None:
    values = np.array([v for gap, value in gaps for v in [0] * gap + [value]] + [0] * after, int)
    coded = write_exceptions(values)
    assert coded.count == len(gaps)
    assert (read_exceptions(coded, len(values), 127) == values).all()
    if gaps:
        with pytest.raises(Damage, match="beyond"):
            read_exceptions(coded, len(values) - after - 1, 127)
        with pytest.raises(Damage):
            read_exceptions(Exceptions(coded.count + 8, coded.rice, coded.data), len(values), 127)


def test_rare_exceptions_cost_little_more_than_their_entropy() -> None:
    rng = np.random.default_rng(1)
    values = np.where(rng.uniform(size=10**6) < 3e-4, rng.choice([-1, 1], 10**6), 0)
    count = np.count_nonzero(values)
    entropy = np.log2(np.e * len(values) / count) + 1
    assert 8 * len(write_exceptions(values).data) < count * (entropy + 1.2)


@pytest.mark.parametrize(
    ("count", "rice", "bits", "reason"),
    [
        (1, 0, "", "run out"),
        (1, 0, "1111", "run out"),
        (1, 3, "0 010", "run out"),
        (1, 0, "0 1 0000000 0", "magnitude 0"),
        (1, 0, "0 1 1000000 0", "magnitude 1"),
        (1, 0, "0 1 0111000 0", "magnitude 14"),
        (1, 4, "0 0101 0 0", "beyond"),
        (1, 0, "0 0 0 00001", "left over"),
        (1, 0, "0 0 0 00000 00000000", "left over"),
        (0, 0, "1", "left over"),
    ],
)
def test_malformed_exceptions_are_refused(count: int, rice: int, bits: str, reason: str) -> None:
    digits = [int(b) for b in bits.replace(" ", "")]
    data = np.packbits(np.array(digits, np.uint8), bitorder="little").tobytes()
    if reason == "run out":
        data = bytes([*data[:-1], data[-1] | 0xFF]) if data else data
    with pytest.raises(Damage, match=reason):
        read_exceptions(Exceptions(count, rice, data), 10, y_max=13)
    whole = Exceptions(1, 0, np.packbits([0, 0, 1], bitorder="little").tobytes())
    assert read_exceptions(whole, 10, y_max=13).tolist() == [-1] + [0] * 9


@pytest.mark.parametrize("lanes", [4, 16, 32])
@pytest.mark.parametrize("count", [0, 1, 3, 4, 31, 32, 33, 500])
def test_rans_round_trips_and_ends_where_it_began(lanes: int, count: int) -> None:
    tables = CodingTables.of(plain_model())
    rng = np.random.default_rng(count)
    rows = rng.integers(0, 64, count)
    values = np.clip(np.rint(rng.standard_normal(count) * 9), -127, 127).astype(np.int64)
    encoder = RansEncoder(tables, lanes)
    encoder.encode(rows[count // 2 :], values[count // 2 :])
    encoder.encode(rows[: count // 2], values[: count // 2])
    states, words, escapes = encoder.finish()
    decoder = RansDecoder(tables, states.astype(np.int64), words, escapes)
    assert (decoder.decode(rows[: count // 2]) == values[: count // 2]).all()
    assert (decoder.decode(rows[count // 2 :]) == values[count // 2 :]).all()
    decoder.check_end()


def test_rans_is_within_two_percent_of_the_ideal() -> None:
    rng = np.random.default_rng(0)
    rows = np.full(20_000, 30)
    table = standard_tables()[30].astype(np.int64)
    entry = rng.choice(len(table) - 1, 20_000, p=table[:-1] / table[:-1].sum())
    encoder = RansEncoder(CodingTables.of(plain_model()), 4)
    encoder.encode(rows, unzigzag(entry))
    _, words, _ = encoder.finish()
    ideal = -np.log2(table[entry] / 4096).sum() / 8
    assert ideal * 0.99 < len(words) < ideal * 1.02


def test_reference_needs_no_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two implementations share no code: the reference runs with the extension taken away."""
    import subprocess
    import sys

    script = (
        "import sys; sys.modules['pico_deploy._core'] = None\n"
        "import pico_deploy.entropy.reference, pico_deploy.entropy.quantise\n"
        "import pico_deploy.entropy.factorised, pico_deploy.entropy.gaussian\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_model_data_is_frozen() -> None:
    model: EntropyModel = plain_model()
    with pytest.raises(AttributeError):
        model.fraction_bits = 3  # type: ignore[misc]
