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
from pico_deploy.entropy.reference.exceptions import read_exceptions, write_exceptions
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
            st.one_of(st.integers(0, 9), st.integers(32760, 32775), st.integers(65530, 65540)),
            st.integers(-127, 127).filter(bool),
        ),
        max_size=6,
    ),
    st.integers(0, 40000),
)
def test_exceptions_round_trip(gaps: list[tuple[int, int]], after: int) -> None:
    values = np.array([v for gap, value in gaps for v in [0] * gap + [value]] + [0] * after, int)
    words = write_exceptions(values)
    assert (read_exceptions(words, len(values), 127) == values).all()
    if gaps:
        with pytest.raises(Damage):
            read_exceptions(words, len(values) - after - 1, 127)


@pytest.mark.parametrize(
    "words",
    [
        [0xFFFE],
        [20],
        [0xFFFF],
        [0xFFFF, 0],
        [0xFFFF, 0, 1],
        [0xFFFF, 0, 255],
        [0xFFFF, 0, 256],
        [0xFFFF, 0, 128],
        [0xFFFF, 32767, 5],
        [0, 0xFFFE],
    ],
)
def test_malformed_exceptions_are_refused(words: list[int]) -> None:
    with pytest.raises(Damage):
        read_exceptions(words, 10 if words[-1] != 0xFFFE else 40000, 127)


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
