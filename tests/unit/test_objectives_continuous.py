"""Training in continuous time: flow matching, its pairings, and regularised likelihood."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from cases import perturb
from pushforward._errors import PushforwardError
from pushforward.bijections import Chain, Standardize
from pushforward.distributions import Embedded, Transformed
from pushforward.objectives import Batch, flow_matching, nll, rnode
from pushforward.objectives._continuous import _nearest

matched = jax.jit(flow_matching, static_argnames="pairing")


@pytest.fixture
def flow(key):
    return perturb(pf.flows.ffjord(2, width=8, depth=1, key=key), 0.5)


def test_flow_matching_measures_the_way_from_noise_to_data(key):
    c = jnp.array([2.0, -1.0])
    batch = Batch(jnp.broadcast_to(c, (4096, 2)))
    still = pf.flows.ffjord(2, width=8, depth=1, key=key)  # a velocity of zero
    loss, _ = matched(still, batch, key=key)
    assert loss == pytest.approx(5.0 + 2.0, rel=0.1)  # E|c - z|^2
    constant = eqx.tree_at(lambda f: f.bijection.velocity.net.biases[-1], still, c)
    assert matched(constant, batch, key=key)[0] == pytest.approx(2.0, rel=0.1)  # E|z|^2


def test_weights_count_like_rows(key, flow):
    x = jax.random.normal(key, (6, 2))
    weighted = [matched(flow, Batch(x, weights=w), key=key)[0] for w in (jnp.ones(6), 3.0 * jnp.ones(6))]
    assert weighted[0] == pytest.approx(float(matched(flow, Batch(x), key=key)[0]), rel=1e-6)
    assert weighted[1] == pytest.approx(float(weighted[0]), rel=1e-6)
    x = x.at[0].set(1e6)
    assert matched(flow, Batch(x, weights=jnp.ones(6).at[0].set(0.0)), key=key)[0] < 100
    assert matched(flow, Batch(x, weights=jnp.ones(6).at[0].set(0.0)), key=key, pairing="optimal")[0] < 100


def test_optimal_pairs_are_the_nearest_and_give_straighter_paths(key):
    z, x = jax.random.normal(key, (2, 2, 64))
    order = jax.jit(_nearest)(z, x)
    assert sorted(order.tolist()) == list(range(64))
    cost = lambda o: float(jnp.sum((z - x[:, o]) ** 2))  # noqa: E731
    rng = np.random.default_rng(0)
    swaps = [np.asarray(order)[p] for p in (rng.permutation(64) for _ in range(50))]
    assert all(cost(order) <= cost(s) for s in swaps)
    still = pf.flows.ffjord(2, width=8, depth=1, key=key)
    losses = [matched(still, Batch(x.T), key=key, pairing=p)[0] for p in ("independent", "optimal")]
    assert losses[1] < 0.5 * losses[0]


def test_maps_behind_and_embedded_conditions_are_seen_through(key):
    inner = perturb(pf.flows.ffjord(2, width=8, depth=1, cond_dim=1, key=key), 0.5)
    x, c = jax.random.normal(key, (16, 2)), jax.random.normal(key, (16, 1))
    columns = Standardize(jnp.array([1.0, 2.0]), jnp.array([3.0, 0.5]))
    whole = Embedded(
        Transformed(inner.base, Chain([inner.bijection, columns])), Standardize(jnp.ones(1), 2.0 * jnp.ones(1))
    )
    batch = Batch(x * jnp.array([3.0, 0.5]) + jnp.array([1.0, 2.0]), 2.0 * c + 1.0)
    losses = [matched(f, b, key=key)[0] for f, b in ((inner, Batch(x, c)), (whole, batch))]
    assert losses[0] == pytest.approx(float(losses[1]), rel=1e-4)
    with pytest.raises(ValueError, match="noise depend on the condition"):
        matched(whole, batch, key=key, pairing="optimal")


def test_a_flow_without_a_velocity_is_refused(key):
    with pytest.raises(PushforwardError, match=r"a `Continuous` layer next to its base(?s:.*)flows.ffjord"):
        matched(pf.flows.affine(2, key=key), Batch(jnp.ones((3, 2))), key=key)
    with pytest.raises(ValueError, match="did you mean 'optimal'"):
        matched(pf.flows.ffjord(2, key=key), Batch(jnp.ones((3, 2))), key=key, pairing="optimum")


def test_rnode_is_the_likelihood_and_what_the_paths_cost(key):
    exact = perturb(pf.flows.ffjord(2, width=8, depth=1, trace="exact", key=key), 0.5)
    batch = Batch(jax.random.normal(key, (8, 2)))

    @jax.jit
    def both(flow):
        return rnode(flow, batch, key=key, kinetic=0.5, jacobian=0.25), nll(flow, batch, key=key)[0]

    (loss, metrics), likelihood = both(exact)
    assert metrics["nll"] == pytest.approx(float(likelihood), abs=1e-3)
    assert metrics["kinetic"] > 0
    assert metrics["jacobian"] > 0
    assert loss == pytest.approx(
        float(metrics["nll"] + 0.5 * metrics["kinetic"] + 0.25 * metrics["jacobian"]), rel=1e-5
    )


def test_estimators_train_the_recipe_by_its_own_objective():
    x = pf.data.moons(300)
    density = pf.FlowDensity("flow-matching", options={"width": 16}, max_epochs=30, random_state=0).fit(x)
    assert density.result_.start_loss == pytest.approx(4.0, rel=0.2)  # E|x - z|^2 in standardised units
    assert density.result_.best_loss < density.result_.start_loss
    assert np.isfinite(density.score(x[:10]))


@pytest.mark.slow
def test_flow_matching_learns_two_moons(key):
    x = jnp.asarray(pf.data.moons(12_000))
    scale = x[:10_000].std(0)
    x = (x - x[:10_000].mean(0)) / scale
    options = {"max_epochs": 100, "patience": None, "ema": 0.999, "progress": False}
    flow = pf.flows.flow_matching(2, key=key)
    fitted = pf.fit(flow, x[:10_000], objective=flow_matching, key=key, **options).flow
    assert -fitted.log_prob(x[10_000:]).mean() + jnp.log(scale).sum() < 0.5
