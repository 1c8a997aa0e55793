"""Derivatives that are written by hand, beside those of the formulas in mpmath."""

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from pushforward._params import positive
from pushforward.bijections.elementwise._piece import Piece
from pushforward.bijections.elementwise._sigmoidal import _log_sigmoids

PIECES = {
    "plain": (0.2, 0.3, 0.1, 0.25, 0.8, 1.7),
    "steep": (0.2, 0.001, 0.1, 0.9, 40.0, 3.0),
    "flat": (0.0, 0.9, 0.3, 0.001, 0.001, 0.02),
    "sharp end": (0.1, 0.5, 0.2, 0.4, 0.001, 1e6),
    "alike": (0.125, 0.125, 0.125, 0.125, 1.0, 1.0),
}
SHARES = (0.0, 1e-6, 0.2, 0.5, 0.93, 1.0 - 1e-6)


def value(left, width, bottom, height, low, high, t):
    xi, slope = (t - left) / width, height / width
    mixed = xi * (1 - xi)
    return bottom + height * (slope * xi * xi + low * mixed) / (slope + (low + high - 2 * slope) * mixed)


def log_slope(*numbers):
    """Written out, as `diff` of a `diff` loses digits; at the ends its limits are the ends' slopes."""
    left, width, _, height, low, high, t = numbers
    xi, slope = (t - left) / width, height / width
    mixed, rest = xi * (1 - xi), 1 - xi
    numerator = high * xi * xi + 2 * slope * mixed + low * rest * rest
    return mp.log(numerator) + 2 * mp.log(slope / (slope + (low + high - 2 * slope) * mixed))


def gradient(f, numbers):
    """The derivative in each argument, by mpmath's limit at 60 digits."""
    steps = [[int(i == j) for j in range(len(numbers))] for i in range(len(numbers))]
    return np.array([float(mp.diff(f, tuple(numbers), tuple(step))) for step in steps])


def the_other_way(numbers):
    """Derivatives of the place and of its log-slope by the theorem of implicit functions."""
    of_value, of_slope = gradient(value, numbers), gradient(log_slope, numbers)
    place = np.append(-of_value[:-1], 1.0) / of_value[-1]
    return place, -(np.append(of_slope[:-1], 0.0) + of_slope[-1] * place)


@pytest.mark.parametrize("name", PIECES)
def test_a_piece_has_the_derivatives_of_its_formula(name):
    with mp.workdps(60), jax.enable_x64(True):
        for share in SHARES:
            piece = [mp.mpf(number) for number in PIECES[name]]
            t = piece[0] + piece[1] * mp.mpf(share)
            numbers = (*piece, t)
            own = Piece(*(jnp.asarray(float(number)) for number in piece))
            found = jax.jacrev(lambda p, t: p.at(t), argnums=(0, 1))(own, jnp.asarray(float(t)))
            wanted = gradient(value, numbers), gradient(log_slope, numbers)
            compare(found, wanted, f"at {share}")
            y = jnp.asarray(float(value(*numbers)))
            found = jax.jacrev(lambda p, y: p.back_from(y), argnums=(0, 1))(own, y)
            compare(found, the_other_way(numbers), f"back from {share}")


def compare(found, wanted, where):
    for (piece, last), expected in zip(found, wanted, strict=True):
        scale = 1.0 + np.abs(expected).max()
        np.testing.assert_allclose(np.array([*piece, last]), expected, rtol=1e-8, atol=1e-9 * scale, err_msg=where)


@pytest.mark.parametrize("high", [0.01, 2.0, 50.0, 1e3, 1e6])
@pytest.mark.parametrize("low", [1e-3, 0.5, 30.0])
def test_a_place_is_found_to_rounding_however_steep_the_bin_gets(low, high):
    own = Piece(*(jnp.asarray(number, jnp.float32) for number in (0.0, 0.3, 0.0, 0.25, low, high)))
    shares = np.linspace(0.0, 1.0, 101)
    numbers = [mp.mpf(float(number)) for number in own]
    y = np.array([float(value(*numbers, numbers[1] * mp.mpf(share))) for share in shares], np.float32)
    found, log_slopes = jax.vmap(own.back_from)(jnp.asarray(y))
    wanted = np.array([float(place(numbers, mp.mpf(float(one)))) for one in y])
    steps = (wanted + 0.1 + y * np.exp(log_slopes)) * np.finfo(np.float32).eps
    assert np.max(np.abs(found - wanted) / steps) < 8


def place(numbers, y):
    """By bisection, so that no formula for the root is taken for granted."""
    low, high = mp.mpf(0), numbers[1]
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if value(*numbers, middle) < y else (low, middle)
    return middle


def test_a_piece_has_second_derivatives():
    with mp.workdps(60), jax.enable_x64(True):
        numbers = tuple(mp.mpf(number) for number in (*PIECES["plain"], 0.31))
        own = Piece(*(jnp.asarray(float(number)) for number in numbers[:-1]))
        twice = jax.grad(jax.grad(lambda t: own.at(t)[1]))(jnp.asarray(0.31)).item()
        np.testing.assert_allclose(twice, float(mp.diff(log_slope, numbers, (0,) * 6 + (2,))), rtol=1e-10)
        y = jnp.asarray(float(value(*numbers)))
        slope = mp.diff(value, numbers, (0,) * 6 + (1,))
        bent = mp.diff(value, numbers, (0,) * 6 + (2,))
        twice = jax.grad(jax.grad(lambda y: own.back_from(y)[0]))(y).item()
        np.testing.assert_allclose(twice, float(-bent / slope**3), rtol=1e-9)


@pytest.mark.parametrize("t", [-1e-9, 0.0, 1.0, 1.0 + 1e-7])
def test_a_point_that_rounding_put_outside_has_the_slope_of_the_end(t):
    own = Piece(*(jnp.asarray(number, jnp.float32) for number in (0.0, 1.0, 0.0, 1.0, 0.5, 2.0)))
    slope = jax.grad(lambda t: own.at(t)[0])(jnp.float32(t)).item()
    assert slope == pytest.approx(0.5 if t < 0.5 else 2.0, rel=1e-5)
    back = jax.grad(lambda y: own.back_from(y)[0])(jnp.float32(t)).item()
    assert back == pytest.approx(2.0 if t < 0.5 else 0.5, rel=1e-5)


@pytest.mark.parametrize("raw", [-1e30, -1e10, -(2.0**27), -5.0, -1e-20, 0.0, 1e-20, 3.0, 1e9, 1e30, 3e38])
def test_positive_numbers_have_their_slopes_over_the_whole_range(raw):
    raw = jnp.float32(raw)
    with mp.workdps(60):
        exact = mp.mpf(raw.item())
        root = mp.sqrt(1 + exact * exact)
        wanted = float((exact + root) / root), float(1 / root)
    found = (jax.grad(lambda raw: positive(raw)[0])(raw).item(), jax.grad(lambda raw: positive(raw)[1])(raw).item())
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1.2e-38)


@pytest.mark.parametrize("u", [-1e4, -80.0, -1.0, 0.0, 1e-9, 2.5, 90.0, 1e4])
def test_log_sigmoids_have_their_slopes(u):
    found = jax.jacrev(_log_sigmoids)(jnp.float32(u))
    with mp.workdps(60):
        exact = mp.mpf(float(np.float32(u)))
        wanted = float(1 / (1 + mp.exp(exact))), float(-1 / (1 + mp.exp(-exact)))
    np.testing.assert_allclose([one.item() for one in found], wanted, rtol=1e-5, atol=1.2e-38)
