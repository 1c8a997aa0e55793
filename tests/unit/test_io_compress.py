"""Whole numbers in as many bits as a flow says, and back exactly."""

import sys

import jax
import numpy as np
import pytest

import pushforward as pf
from cases import perturb
from pushforward import flows, io
from pushforward._errors import DataError, FileError, PushforwardError

pytest.importorskip("constriction")
SMALL = {"width": 8, "depth": 1}


@pytest.fixture(scope="module")
def integers():
    return perturb(flows.idf(4, num_components=2, unit=4.0, key=jax.random.key(1), **SMALL), 0.3)


@pytest.fixture(scope="module")
def rows(integers):
    return np.asarray(integers.sample(jax.random.key(2), 3000)).astype(np.int32)


@pytest.fixture(scope="module")
def packed(integers, rows):
    return io.compress(integers, rows)


def bits(flow, x, condition=None) -> float:
    return float(-np.asarray(flow.log_prob(x, condition), np.float64).sum() / np.log(2))


def test_numbers_come_back_with_their_dtype(integers, rows, packed):
    back = io.decompress(integers, packed)
    assert back.dtype == rows.dtype
    np.testing.assert_array_equal(back, rows)


def test_the_code_is_as_long_as_the_flow_says(integers, rows, packed):
    assert 8 * len(packed) == pytest.approx(bits(integers, rows), rel=0.01)


def test_any_whole_number_comes_back(integers, rows):
    """Far beyond the base's tables, and up to the last that float32 can hold."""
    x = rows[:300].copy()
    x[:4, 0] = [2**24, -(2**24), 2**22, 100_000]
    x[5] = [2**24, -(2**24), 2**24 - 1, 1]
    np.testing.assert_array_equal(io.decompress(integers, io.compress(integers, x)), x)


@pytest.mark.parametrize("n", [0, 1, 256, 257])
def test_any_number_of_rows_comes_back(integers, rows, n):
    back = io.decompress(integers, io.compress(integers, rows[:n]))
    assert back.shape == (n, 4)
    np.testing.assert_array_equal(back, rows[:n])


def test_categories_come_back_even_those_of_probability_zero(key):
    flow = perturb(flows.modulo(3, num_categories=4, key=key, **SMALL), 1.0)
    x = np.asarray(flow.sample(key, 5000)).astype(np.uint8)
    packed = io.compress(flow, x)
    assert 8 * len(packed) == pytest.approx(bits(flow, x), rel=0.015)
    x[7] = 9
    np.testing.assert_array_equal(io.decompress(flow, io.compress(flow, x)), x)


def test_a_conditional_flow_needs_the_same_conditions(key):
    flow = perturb(flows.idf(2, cond_dim=1, num_components=1, key=key, **SMALL), 2.0)
    condition = np.linspace(-3, 3, 400)[:, None]
    x = np.asarray(flow.sample(key, (), condition))
    packed = io.compress(flow, x, condition)
    np.testing.assert_array_equal(io.decompress(flow, packed, condition), x)
    with pytest.raises(FileError, match="do not come back"):
        io.decompress(flow, packed, -condition)
    with pytest.raises(DataError, match="400 rows need as many conditions, got 3"):
        io.compress(flow, x, condition[:3])


@pytest.mark.parametrize("damage", [
    lambda data: b"not ours" + data,
    lambda data: data[:10],
    lambda data: data[:-3],
    lambda data: data[:-400],
    lambda data: data[:500] + bytes([data[500] ^ 1]) + data[501:],
    lambda data: data[:4] + b"??" + data[6:],
    lambda data: data[:6] + b"\xff" * 8 + data[14:],
])  # fmt: skip
def test_damaged_bytes_are_refused(integers, packed, damage):
    with pytest.raises(FileError):
        io.decompress(integers, damage(packed))


def test_another_flow_is_refused(integers, packed):
    with pytest.raises(FileError, match="use the very flow"):
        io.decompress(perturb(integers, 0.1), packed)


@pytest.mark.parametrize(("x", "message"), [
    (np.full((2, 4), 0.5), "must hold whole numbers"),
    (np.full((2, 4), np.nan), "must hold whole numbers"),
    (np.array([["a"] * 4]), "must hold whole numbers"),
    (np.full((2, 4), 2**40), "holds whole numbers up to 16777216"),
    (np.zeros((2, 3), int), r"must be \(4,\), got shape \(2, 3\)"),
])  # fmt: skip
def test_what_cannot_be_coded_is_named(integers, x, message):
    with pytest.raises(ValueError, match=message):
        io.compress(integers, x)


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize <= 8, reason="a long double is a double here")
def test_numbers_of_more_than_eight_bytes_are_refused(integers, rows):
    with pytest.raises(DataError, match="cannot be named in the bytes"):
        io.compress(integers, rows[:2].astype(np.longdouble))


def test_a_flow_of_real_numbers_is_refused():
    with pytest.raises(PushforwardError, match="needs a flow over whole numbers"):
        io.compress(pf.distributions.Normal.standard((4,)), np.zeros((2, 4), int))


def test_a_bound_is_refused(key):
    with pytest.raises(PushforwardError, match="base of this one is a Normal"):
        io.compress(flows.argmax(2, num_layers=1, key=key, **SMALL), np.zeros((2, 2), int))


def test_a_missing_coder_is_named_with_its_extra(integers, rows, monkeypatch):
    monkeypatch.setitem(sys.modules, "constriction", None)
    with pytest.raises(PushforwardError, match="extra `compress`"):
        io.compress(integers, rows)
