"""Numbers within limits as numbers on the line, in closed form."""

import numpy as np
import pytest
from scipy import stats

from pushforward.conditionals._joint import Axis, Joint
from pushforward.conditionals._space import Space
from pushforward.distributions import Normal

Y = np.linspace(-12, 12, 241)[None, :, None]


def space(low: float, high: float) -> Space:
    joint = Joint(Normal.standard((1,)), (Axis("number", -np.inf, np.inf),))
    limits = np.array([[low]]), np.array([[high]])
    nothing = np.zeros((1, 0))
    return Space(joint, (), nothing, (0,), *limits, (), (), np.zeros((1, 1)))


@pytest.mark.parametrize(
    ("low", "high", "law"),
    [
        (0.5, 0.51, stats.uniform(0.5, 0.01)),
        (-3.0, np.inf, stats.expon(-3.0)),
        (-np.inf, 2.0, None),
    ],
)
def test_what_is_above_zero_at_a_limit_is_gaussian_on_the_line(low, high, law):
    """A uniform or an exponential law becomes the standard normal one: clusters cover its tails."""
    x, slope = space(low, high).there(Y)
    density = stats.expon().logpdf(2.0 - x) if law is None else law.logpdf(np.clip(x, low + 1e-12, high - 1e-12))
    np.testing.assert_allclose(density[0, :, 0] + slope[0], stats.norm.logpdf(Y[0, :, 0]), rtol=1e-6)


@pytest.mark.parametrize(("low", "high"), [(0.5, 0.51), (-3.0, np.inf), (-np.inf, 2.0), (-np.inf, np.inf)])
def test_places_and_slopes_belong_to_the_map(low, high):
    y = np.linspace(-3, 3, 61)[None, :, None]
    seen = space(low, high)
    x, slope = seen.there(y)
    np.testing.assert_allclose(seen.place(x), y, atol=1e-6)
    step = 1e-5
    rise = (seen.there(y + step)[0] - seen.there(y - step)[0]) / (2 * step)
    np.testing.assert_allclose(np.exp(slope[0]), rise[0, :, 0], rtol=1e-5)
    assert (x > low).all()
    assert (x < high).all()
