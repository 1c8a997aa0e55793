"""What a flow says of a row that is like none it has seen."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

import pushforward as pf
from pushforward import bijections as b
from pushforward.testing import perturb


@pytest.mark.parametrize("x", [0.0, 3.9, -4.1, 7.0, 1e4, -1e15])
def test_long_tails_give_the_density_of_their_closed_form(x):
    law = pf.distributions.Transformed(pf.distributions.Normal.standard(()), b.LongTails())
    beyond = np.log1p(max(abs(x) - 4.0, 0.0))
    wanted = stats.norm.logpdf(min(abs(x), 4.0) + beyond) - beyond
    assert law.log_prob(x) == pytest.approx(wanted, rel=1e-5)


def test_long_tails_integrate_to_one_and_hold_the_normal_law_s_share():
    law = pf.distributions.Transformed(pf.distributions.Normal.standard(()), b.LongTails())
    x = np.concatenate([np.linspace(-4.0, 4.0, 8001), np.linspace(4.0, 400.0, 200_001)[1:]])
    density = np.exp(np.asarray(jax.jit(law.log_prob)(x), float))
    inside, outside = integrate.simpson(density[:8001], x=x[:8001]), integrate.simpson(density[8000:], x=x[8000:])
    assert inside == pytest.approx(1.0 - 2 * stats.norm.sf(4.0), rel=1e-5)
    assert 2 * outside == pytest.approx(2 * stats.norm.sf(4.0), rel=1e-3)


@pytest.mark.parametrize("knee", [-1.0, np.inf, np.nan])
def test_a_knee_that_is_no_size_is_refused(knee):
    with pytest.raises(ValueError, match="`knee` must be at least 0 and finite"):
        b.LongTails(knee)


@pytest.mark.parametrize("name", ["maf", "realnvp"])
def test_a_latent_of_any_size_costs_what_long_tails_say(name, key):
    """Rows that wild layers put thousands of deviations out cost a hundred nats a column, not 1e7."""
    flow = perturb(pf.flows.RECIPES[name].build(3, num_layers=3, width=16, key=key), 0.5)
    x = 1e4 * jax.random.normal(key, (500, 3))
    latents, log_det = b.Inverse(flow.bijection.bijections[1])._forward_many(x.T, None, None)
    assert jnp.min(flow.base.log_prob(latents.T) + log_det) < -1e7
    size = np.abs(np.asarray(latents, float))
    beyond = np.log1p(np.maximum(size - 4.0, 0.0))
    each = stats.norm.logpdf(np.minimum(size, 4.0) + beyond) - beyond
    np.testing.assert_allclose(flow.log_prob(x), each.sum(axis=0) + np.asarray(log_det), rtol=1e-4)
    gradient = jax.jit(jax.grad(lambda x: flow.log_prob(x).sum()))(100 * x)
    assert jnp.all(jnp.isfinite(gradient))


def test_a_table_of_21_rows_gives_no_row_less_than_200_nats():
    """Of this table MAF's first layers learned slopes that cost a test row 8e10 nats."""
    key = jax.random.key(2)
    rows = np.asarray(jax.random.normal(key, (121, 5)))
    flow = pf.fit(pf.flows.maf(5, key=key), rows[:21], progress=False, key=key).flow
    assert float(jnp.min(flow.log_prob(rows[21:]))) > -200.0


@pytest.mark.slow
def test_columns_of_another_scale_are_drawn_back(key):
    """Means of 100 and deviations of 30, as they are in the table: a few draws were a thousand deviations out."""
    rows = 100.0 + 30.0 * np.random.default_rng(0).standard_normal((500, 3))
    flow = pf.fit(pf.flows.realnvp(3, key=jax.random.key(0)), rows, progress=False, key=jax.random.key(0)).flow
    draws = np.asarray(flow.sample(key, 20_000))
    np.testing.assert_allclose(draws.std(axis=0), 30.0, rtol=0.25)
    assert np.abs(draws).max() < 1000.0
