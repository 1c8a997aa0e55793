"""`sbc`: posteriors that are right, too sure, too wide, biased, and right on average alone."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array
from scipy import stats

import pushforward as pf
from pushforward.bijections import Affine, Conditioned
from pushforward.diagnostics.goodness import _calibration as calibration
from pushforward.distributions import Normal, Transformed


class HalfOfX(eqx.Module):
    """What a map of theta sees of x: its shift is x / 2, its scale stays."""

    def __call__(self, x: Array) -> Array:
        return jnp.concatenate([0.5 * x, jnp.zeros_like(x)])


def simulated(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Of theta ~ N(0, 1) and x ~ N(theta, 1) the posterior has the mean x / 2 and the deviation sqrt(1 / 2)."""
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=(count, 1))
    return theta, theta + rng.normal(size=(count, 1))


def ranks(theta: np.ndarray, x: np.ndarray, scale: float = 1.0, shift: float = 0.0) -> np.ndarray:
    """Those of many draws, in closed form."""
    return stats.norm.cdf(theta, 0.5 * x + shift, np.sqrt(0.5) * scale)


CASES = {
    "good": (1.0, 0.0),
    "too sure": (0.7, 0.0),
    "too wide": (1.5, 0.0),
    "biased": (1.0, 0.3),
}


@pytest.mark.parametrize("verdict", CASES)
def test_a_posterior_is_named_as_what_it_is(verdict):
    theta, x = simulated(1000, 0)
    scale, shift = CASES[verdict]
    found = calibration.calibration_of(ranks(theta, x, scale, shift), x, ("theta",), level=0.01, seed=0)
    assert found.verdict == verdict, str(found)


def test_what_is_right_on_average_alone_is_uneven():
    """Biased upwards for one half of the conditions and downwards for the other: together the ranks are even."""
    theta, x = simulated(4000, 0)
    u = ranks(theta, x)
    spoiled = np.where(x > 0, 0.5 + 0.5 * u, 0.5 * u)
    found = calibration.calibration_of(spoiled, x, ("theta",), level=0.01, seed=0)
    assert found.verdict == "uneven", str(found)


@pytest.mark.slow
def test_ranks_are_rejected_at_the_level():
    """200 repeats of even ranks: of each test 5 % within 3 points, the local one among them."""
    rng, found = np.random.default_rng(0), []
    for seed in range(200):
        given = calibration.calibration_of(
            rng.random((200, 1)), rng.normal(size=(200, 2)), ("a",), level=0.05, seed=seed
        )
        found.append([not finding.passed for finding in given.findings])
    rates = np.mean(found, axis=0)
    assert ((rates >= 0.02) & (rates <= 0.08)).all(), rates


def test_ranks_of_a_flow_are_those_of_its_law():
    theta, x = simulated(300, 1)
    layer = Affine(jnp.zeros(1), jnp.full(1, np.sqrt(0.5)))
    flow = Transformed(Normal.standard((1,)), Conditioned(layer, 1, net=HalfOfX()))
    found = pf.diagnostics.sbc(flow, theta, x, num_samples=2000, key=0)
    np.testing.assert_allclose(found.ranks, ranks(theta, x), atol=0.06)
    assert found.verdict == "good"
    assert "verdict: good." in str(found)
    assert found.to_json()["rows"] == 300


def test_what_it_is_not_for():
    with pytest.raises(pf.DataError, match="conditional"):
        pf.diagnostics.sbc(Normal.standard((1,)), np.zeros((50, 1)), np.zeros((50, 1)), key=0)
    with pytest.raises(pf.DataError, match="40 are needed"):
        calibration.calibration_of(np.full((9, 1), 0.5), np.zeros((9, 1)), ("a",), level=0.05, seed=0)


@pytest.mark.parametrize(
    ("x", "condition", "options", "said"),
    [
        (np.zeros((50, 2)), np.zeros((50, 1)), {}, r"`x` must have shape \(rows, 1\), got \(50, 2\)"),
        (np.zeros((50, 1)), np.zeros((10, 1)), {}, r"`condition` must have shape \(50, 1\), got \(10, 1\)"),
        (np.zeros((50, 1)), np.full((50, 1), np.nan), {}, "row 1 of `condition` holds a number that is not finite"),
        (np.zeros((50, 1)), np.full((50, 1), np.inf), {}, "row 1 of `condition` holds a number that is not finite"),
        (np.zeros((50, 1)), np.zeros((50, 1)), {"num_samples": 0}, "`num_samples` must be at least 1"),
        (np.zeros((50, 1)), np.zeros((50, 1)), {"level": 2.0}, "`level` must lie between 0 and 1, got 2.0"),
    ],
)
def test_what_ranks_cannot_be_had_of_is_named(x, condition, options, said):
    law = pf.distributions.ConditionalBase(Normal(jnp.zeros(1)), 1, width=4, key=jax.random.key(0))
    with pytest.raises(pf.DataError, match=said):
        pf.diagnostics.sbc(law, x, condition, **options, key=0)


def test_rows_that_cannot_be_checked_are_named():
    law = Normal(jnp.zeros(2))
    with pytest.raises(pf.DataError, match="row 3 of `data` holds a number that is not finite"):
        pf.diagnostics.check(law, np.where(np.arange(100)[:, None] == 2, np.nan, np.zeros((100, 2))), key=0)
    with pytest.raises(pf.DataError, match="`level` must lie between 0 and 1"):
        pf.diagnostics.check(law, np.zeros((100, 2)), level=0.0, key=0)
