"""Symbols in = symbols out, and the core = the reference, byte for byte."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from coded_image import PIXEL_FINGERPRINT, Coded, decode, encode
from entropy_models import Symbols, plain_model, random_model, random_symbols
from hypothesis import given, settings
from hypothesis import strategies as st

from pico_deploy import _core
from pico_deploy.core_errors import CoreUsageError, SymbolError
from pico_deploy.entropy.reference import decode_file, encode_file
from pico_deploy.entropy.reference.grid import Grid
from pico_deploy.entropy.serialise import to_bytes


def same(a: Symbols, b: Symbols) -> bool:
    return bool((a.z == b.z).all() and (a.y == b.y).all())


@given(
    seed=st.integers(0, 2**32),
    width=st.integers(1, 150),
    height=st.integers(1, 150),
    lanes=st.sampled_from([0, 4, 16, 32]),
    per_stream=st.integers(0, 5),
    skip=st.one_of(st.none(), st.integers(0, 12)),
)
@settings(max_examples=60, deadline=None)
def test_core_and_reference_write_the_same_file_and_read_the_same_symbols(
    seed: int, width: int, height: int, lanes: int, per_stream: int, skip: int | None
) -> None:
    entropy_model = random_model(seed)
    grid = Grid(width, height, entropy_model.geometry)
    rng = np.random.default_rng(seed)
    symbols = random_symbols(entropy_model, grid, seed)
    levels = rng.integers(0, entropy_model.geometry.levels, grid.tiles).astype(np.uint8)
    skip = None if skip is None else min(skip, len(entropy_model.y_tables) - 1)
    options = {"lanes": lanes, "tiles_per_stream": per_stream, "skip": skip}
    model = _core.Model(to_bytes(entropy_model))

    data = encode(model, width, height, levels, symbols, **options)

    assert data == encode_file(
        *(entropy_model, width, height, levels, PIXEL_FINGERPRINT, symbols.z, symbols.y), **options
    )
    assert same(decode(model, data), symbols)
    _, z, y = decode_file(entropy_model, data)
    assert same(Symbols(z, y), symbols)


def test_every_skip_threshold_is_lossless(coded: Coded) -> None:
    sizes = set()
    for threshold in range(coded.model.y_rows):
        data = encode(coded.model, coded.width, coded.height, 1, coded.symbols, skip=threshold)
        assert same(decode(coded.model, data), coded.symbols)
        sizes.add(len(data))
    assert len(sizes) > 10, "the thresholds made no difference: nothing was skipped"


def test_chosen_threshold_is_not_much_larger_than_the_best_single_one() -> None:
    entropy_model = plain_model(y_channels=64, payload=120)
    model = _core.Model(to_bytes(entropy_model))
    grid = Grid(120, 120, entropy_model.geometry)
    rng = np.random.default_rng(5)
    z = rng.integers(-2, 3, (1, 4, 8, 8)).astype(np.int8)
    index = model.scale_indices(z, np.array([1], np.uint8))
    sigma = np.exp(np.linspace(np.log(0.11), np.log(20), 64))[index]
    y = np.clip(np.rint(rng.standard_normal(index.shape) * sigma), -127, 127).astype(np.int8)
    y[0][:, ~grid.valid_mask(0, 8)] = 0
    symbols = Symbols(z, y)

    chosen = len(encode(model, 120, 120, 1, symbols))
    each = [len(encode(model, 120, 120, 1, symbols, skip=t)) for t in range(64)]

    assert chosen <= min(each) * 1.01
    assert max(each) > min(each) * 1.05, "the thresholds made no difference"


@pytest.mark.parametrize(("calm", "threshold"), [(True, 4), (False, 0)])
def test_a_large_tile_trusts_the_tables_unless_its_symbols_disappoint(
    calm: bool, threshold: int
) -> None:
    """66,000 elements: skipped as far as tables say 0; where they are wrong a sample decides."""
    entropy_model = plain_model(y_channels=258, payload=120)
    model = _core.Model(to_bytes(entropy_model))
    rng = np.random.default_rng(6)
    z = rng.integers(-2, 3, (1, 4, 8, 8)).astype(np.int8)
    index = model.scale_indices(z, np.array([1], np.uint8))
    sigma = np.exp(np.linspace(np.log(0.11), np.log(20), 64))[index]
    y = np.rint(rng.standard_normal(index.shape) * (sigma if calm else 1.0))
    symbols = Symbols(z, np.clip(y, -127, 127).astype(np.int8))

    data = encode(model, 120, 120, 1, symbols)

    assert data[_core.parse(data).streams[0].offset] == threshold
    assert same(decode(model, data), symbols)
    assert data == encode_file(
        *(entropy_model, 120, 120, np.array([1], np.uint8), PIXEL_FINGERPRINT, z, symbols.y)
    )


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (56, 56), (57, 57), (52, 61), (500, 1)])
def test_any_image_size_round_trips(coded: Coded, size: tuple[int, int]) -> None:
    grid = Grid(*size, coded.entropy_model.geometry)
    symbols = random_symbols(coded.entropy_model, grid, seed=sum(size))
    assert same(decode(coded.model, encode(coded.model, *size, 0, symbols)), symbols)


def test_extreme_symbols_round_trip() -> None:
    entropy_model = plain_model()
    model = _core.Model(to_bytes(entropy_model))
    grid = Grid(56, 56, entropy_model.geometry)
    for value in (-1, 1):
        z = np.full((1, 4, 4, 4), value * 31, np.int8)
        y = np.full((1, 6, 8, 8), value * 127, np.int8)
        y[0][:, ~grid.valid_mask(0, 8)] = 0
        for skip in (0, 5, 63, None):
            data = encode(model, 56, 56, 2, Symbols(z, y), skip=skip)
            assert same(decode(model, data), Symbols(z, y))


def test_encoding_again_gives_the_same_bytes(coded: Coded) -> None:
    again = decode(coded.model, coded.data)
    levels = _core.parse(coded.data).levels
    chunks = [(c.type, c.data) for c in _core.parse(coded.data).chunks]
    data = encode(
        *(coded.model, coded.width, coded.height, levels, again),
        tiles_per_stream=3,
        chunks=chunks,
    )
    assert data == coded.data


@pytest.mark.parametrize("dtype", ["int8", "float16", "float32"])
def test_symbols_of_every_type_and_layout_give_the_same_bytes(coded: Coded, dtype: str) -> None:
    z, y = coded.symbols.z.astype(dtype), coded.symbols.y.astype(dtype)
    expected = encode(coded.model, coded.width, coded.height, 1, coded.symbols)
    y[y == 0] = -0.0 if dtype != "int8" else 0
    channels_last = Symbols(
        z.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2),
        y.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2),
    )
    reversed_memory = Symbols(z, y[:, ::-1, :, ::-1].copy()[:, ::-1, :, ::-1])
    for symbols in (Symbols(z, y), channels_last, reversed_memory):
        assert encode(coded.model, coded.width, coded.height, 1, symbols) == expected


def test_tiles_may_come_as_a_list_with_or_without_a_batch_dimension(coded: Coded) -> None:
    encoder = _core.Encoder(coded.model, coded.width, coded.height, 1, PIXEL_FINGERPRINT)
    for group in range(encoder.groups):
        tiles = encoder.tiles_of(group)
        z = [coded.symbols.z[t] for t in tiles]
        y = [coded.symbols.y[t : t + 1].astype(np.float32) for t in tiles]
        encoder.encode_group(group, z, y)
    assert encoder.finish() == encode(coded.model, coded.width, coded.height, 1, coded.symbols)


@pytest.mark.parametrize("dtype", ["int8", "float16", "float32"])
def test_decoder_gives_the_type_that_is_asked_for(coded: Coded, dtype: str) -> None:
    decoded = decode(coded.model, coded.data, dtype)
    assert decoded.y.dtype == dtype and decoded.z.dtype == dtype
    assert same(decoded, coded.symbols)


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (0.5, "symbol-not-integer"),
        (1.0000001, "symbol-not-integer"),
        (1e-40, "symbol-not-integer"),
        (np.nan, "symbol-not-integer"),
        (np.inf, "symbol-out-of-range"),
        (128.0, "symbol-out-of-range"),
        (-128.0, "symbol-out-of-range"),
        (1e30, "symbol-out-of-range"),
    ],
)
@pytest.mark.parametrize("plane", ["z", "y"])
def test_a_symbol_that_is_not_an_integer_in_range_is_an_error(
    coded: Coded, value: float, status: str, plane: str
) -> None:
    symbols = Symbols(coded.symbols.z.astype(np.float32), coded.symbols.y.astype(np.float32))
    getattr(symbols, plane)[4, 3, 1, 1] = value
    with pytest.raises(SymbolError) as error:
        encode(coded.model, coded.width, coded.height, 1, symbols)
    assert error.value.status == status
    assert "tile 4" in str(error.value) and "channel 3" in str(error.value)


def test_symbols_at_the_limit_pass_and_one_beyond_does_not(coded: Coded) -> None:
    z = coded.symbols.z.copy()
    z[0, 0, 0, 0] = 31
    encode(coded.model, coded.width, coded.height, 1, Symbols(z, coded.symbols.y))
    z[0, 0, 0, 0] = 32
    with pytest.raises(SymbolError):
        encode(coded.model, coded.width, coded.height, 1, Symbols(z, coded.symbols.y))


def test_a_void_element_that_is_not_zero_is_an_error(coded: Coded) -> None:
    y = coded.symbols.y.copy()
    grid = _core.Encoder(coded.model, coded.width, coded.height, 1, PIXEL_FINGERPRINT).grid
    rows, _ = grid.y_valid(11)
    assert rows < coded.model.y_side
    y[11, 0, rows, 0] = 1
    with pytest.raises(SymbolError) as error:
        encode(coded.model, coded.width, coded.height, 1, Symbols(coded.symbols.z, y))
    assert error.value.status == "symbol-in-void"


def test_masks_are_those_of_the_reference(coded: Coded) -> None:
    grid = coded.model.grid(coded.width, coded.height)
    reference = Grid(coded.width, coded.height, coded.entropy_model.geometry)
    assert grid.tiles == reference.tiles
    for tile in range(grid.tiles):
        assert (grid.y_mask(tile)[0, 0] == reference.valid_mask(tile, 8)).all()
        assert (grid.z_mask(tile)[0, 0] == reference.valid_mask(tile, 16)).all()


def test_groups_code_and_decode_from_several_threads_in_any_order(coded: Coded) -> None:
    levels = _core.parse(coded.data).levels
    chunks = [(c.type, c.data) for c in _core.parse(coded.data).chunks]
    encoder = _core.Encoder(
        *(coded.model, coded.width, coded.height, levels, PIXEL_FINGERPRINT),
        tiles_per_stream=3,
        chunks=chunks,
    )

    def encode_one(group: int) -> int:
        part = slice(3 * group, 3 * group + 3)
        return encoder.encode_group(group, coded.symbols.z[part], coded.symbols.y[part])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(encode_one, reversed(range(encoder.groups))))
        assert encoder.finish() == coded.data
        decoder = _core.Decoder(coded.model, coded.data)
        for _ in range(5):
            groups = list(pool.map(lambda g: decoder.decode_group(g, "int8"), range(4)))
            z, y = (np.concatenate(part) for part in zip(*groups, strict=True))
            assert same(Symbols(z, y), coded.symbols)


@pytest.mark.parametrize("cpu", [None, "scalar"])
@pytest.mark.parametrize("lanes", [16, 32])
@pytest.mark.parametrize("dtype", ["int8", "float16", "float32"])
def test_groups_decoded_together_are_what_each_is_alone(
    coded: Coded, cpu: str | None, lanes: int, dtype: str
) -> None:
    model = _core.Model(coded.entropy_bin, cpu=cpu)
    data = encode(
        *(model, coded.width, coded.height, 1, coded.symbols), lanes=lanes, tiles_per_stream=2
    )
    decoder = _core.Decoder(model, data)
    assert decoder.groups == 6
    for groups in (range(6), (), (4,), (5, 0), (1, 1, 3), range(5), (3, 2, 1, 0)):
        together = decoder.decode_groups(groups, dtype)
        assert len(together) == len(groups)
        for group, (z, y) in zip(groups, together, strict=True):
            tiles = decoder.tiles_of(group)
            assert z.dtype == y.dtype == dtype
            assert (z == coded.symbols.z[tiles.start : tiles.stop]).all()
            assert (y == coded.symbols.y[tiles.start : tiles.stop]).all()
    for wrong, options in (((0, 6), ()), ((-1,), ()), ((0,), ("float64",))):
        with pytest.raises(CoreUsageError):
            decoder.decode_groups(wrong, *options)


def test_a_missing_group_is_an_error(coded: Coded) -> None:
    encoder = _core.Encoder(coded.model, coded.width, coded.height, 1, PIXEL_FINGERPRINT)
    with pytest.raises(CoreUsageError, match="group 0 was not encoded"):
        encoder.finish()


def test_header_says_what_was_encoded(coded: Coded) -> None:
    image = _core.parse(coded.data)
    assert image.version == _core.BITSTREAM_VERSION
    assert (image.width, image.height) == (coded.width, coded.height)
    assert (image.tile, image.payload, image.border) == (64, 56, 4)
    assert (image.columns, image.rows, image.tiles) == (4, 3, 12)
    assert image.levels.tolist() == [t % 3 for t in range(12)]
    assert image.entropy_fingerprint == coded.model.fingerprint
    assert image.pixel_fingerprint == PIXEL_FINGERPRINT
    assert [(c.type, c.data, c.intact) for c in image.chunks] == [
        ("iccp", b"a profile", True),
        ("exif", b"", True),
    ]
    assert [(s.first_tile, s.tiles) for s in image.streams] == [(0, 3), (3, 3), (6, 3), (9, 3)]
    assert image.streams[-1].offset + image.streams[-1].size + 4 == len(coded.data)
    uniform = encode(coded.model, coded.width, coded.height, 2, coded.symbols)
    assert _core.parse(uniform).levels.tolist() == [2] * 12


def test_lanes_follow_the_image_size_unless_given(coded: Coded) -> None:
    def lanes(width: int, height: int, **options: int) -> int:
        return _core.Encoder(coded.model, width, height, 0, PIXEL_FINGERPRINT, **options).lanes

    assert [lanes(56, 56), lanes(112, 112), lanes(113, 112), lanes(224, 280)] == [4, 4, 16, 32]
    assert lanes(56, 56, lanes=32) == 32
