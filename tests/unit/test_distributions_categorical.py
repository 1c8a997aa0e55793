"""The autoregressive law of categories, its conditions, and what stands behind it."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pushforward import io
from pushforward.bijections.discrete._one_hot import OneHot
from pushforward.distributions import CategoricalMADE, Embedded, GivenCategories, Normal, Transformed
from pushforward.flows import affine

SIZES = (2, 3, 1, 4)
EVERY = jnp.array(list(itertools.product(*map(range, SIZES))), float)


def shaken(part, scale: float = 0.5):
    """The same with random weights: a network starts at zero."""
    leaves, tree = jax.tree.flatten(part)
    keys = jax.random.split(jax.random.key(7), len(leaves))
    moved = [leaf + scale * jax.random.normal(key, leaf.shape) for leaf, key in zip(leaves, keys, strict=True)]
    return jax.tree.unflatten(tree, moved)


@pytest.fixture(scope="module")
def law() -> CategoricalMADE:
    return shaken(CategoricalMADE(SIZES, width=12, activation="tanh", key=jax.random.key(0)))


def test_probabilities_of_all_combinations_add_up_to_one(law):
    assert float(jnp.exp(law.log_prob(EVERY)).sum()) == pytest.approx(1, abs=1e-5)
    assert law.exact


def test_samples_occur_as_often_as_they_should(law):
    expected = np.exp(np.asarray(law.log_prob(EVERY))) * 50_000
    codes = np.asarray(law.sample(jax.random.key(1), 50_000)).astype(int)
    counts = np.bincount(np.ravel_multi_index(codes.T, SIZES), minlength=24)
    assert ((counts - expected) ** 2 / expected).sum() < 49.7  # chi-square of 23 degrees of freedom, 0.1 %


def test_a_low_temperature_draws_the_likeliest_category():
    law = shaken(CategoricalMADE((5,), width=4, key=jax.random.key(0)))
    best = jnp.argmax(law.log_prob(jnp.arange(5.0)[:, None]))
    assert (law.sample(jax.random.key(0), 50, temperature=1e-3) == best).all()


@pytest.mark.parametrize("code", [2.0, -1.0, 0.5])
def test_what_is_no_code_has_probability_zero(law, code):
    x = EVERY[0].at[0].set(code)
    assert float(law.log_prob(x)) == -np.inf


def test_the_gradient_is_finite_beside_what_is_impossible(law):
    x = jnp.stack([EVERY[0], EVERY[0].at[0].set(-1.0)])
    gradient = jax.grad(lambda law: jnp.where(jnp.array([True, False]), law.log_prob(x), 0.0).sum())(law)
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_a_factor_sees_the_coordinates_before_it_alone(law):
    """P(c1) is the same whatever follows, and P(c2 | c1) depends on c1."""
    table = np.exp(np.asarray(law.log_prob(EVERY))).reshape(SIZES)
    logits = law._logits(jnp.zeros((10, 1)), None)[:2, 0]
    np.testing.assert_allclose(table.sum((1, 2, 3)), jax.nn.softmax(logits), rtol=1e-4)
    second = table.sum((2, 3)) / table.sum((1, 2, 3))[:, None]
    assert np.abs(second[0] - second[1]).max() > 0.01


def test_data_set_the_first_shares():
    codes = jnp.array([[0.0, 0, 1, 0], [2, 2, 2, 0]])
    law = CategoricalMADE((2, 3), width=4, key=jax.random.key(0))._data_init(codes, None)
    first = jnp.exp(law.log_prob(jnp.array([[0.0, 2], [1.0, 2]])))
    np.testing.assert_allclose(first, np.array([4 / 6, 2 / 6]) * 4 / 7, rtol=1e-5)


def test_a_condition_changes_the_shares():
    law = shaken(CategoricalMADE((3,), width=8, cond_dim=2, key=jax.random.key(0)))
    given = jnp.array([[0.0, 1.0], [1.0, -1.0]])
    probability = jnp.exp(law.log_prob(jnp.arange(3.0)[:, None, None], given))
    np.testing.assert_allclose(probability.sum(0), 1, atol=1e-5)
    assert jnp.abs(probability[:, 0] - probability[:, 1]).max() > 0.01


def test_numbers_given_categories_integrate_to_one_with_them():
    law = CategoricalMADE((2, 2), width=8, key=jax.random.key(0))
    joint = shaken(GivenCategories(law, affine(1, cond_dim=4, width=8, depth=1, key=jax.random.key(1))), 0.3)
    grid = jnp.linspace(-30, 30, 4001)
    pairs = jnp.array(list(itertools.product(range(2), repeat=2)), float)
    cells = jnp.concatenate([jnp.repeat(pairs, 4001, 0), jnp.tile(grid, 4)[:, None]], axis=1)
    densities = jnp.exp(joint.log_prob(cells)).reshape(4, -1)
    assert float(jnp.trapezoid(densities, grid).sum()) == pytest.approx(1, abs=1e-3)
    means = [float(jnp.trapezoid(own * grid, grid) / jnp.trapezoid(own, grid)) for own in densities]
    assert np.ptp(means) > 0.1
    drawn = np.asarray(joint.sample(jax.random.key(2), 20_000))
    for pair, mean in zip(np.asarray(pairs), means, strict=True):
        own = drawn[(drawn[:, :2] == pair).all(axis=1), 2]
        assert own.mean() == pytest.approx(mean, abs=5 * own.std() / np.sqrt(len(own)))
    assert joint.kinds == ("analytic", "sequential")


def test_others_must_see_every_category():
    law = CategoricalMADE((2, 3), width=4, key=jax.random.key(0))
    with pytest.raises(ValueError, match=r"conditional on shape \(5,\), a number for each category, got None"):
        GivenCategories(law, Normal.standard((1,)))


@pytest.mark.parametrize("sizes", [(), (2, 0)])
def test_sizes_that_make_no_sense_are_refused(sizes):
    with pytest.raises(ValueError, match="each coordinate needs at least one category"):
        CategoricalMADE(sizes, key=jax.random.key(0))


def test_one_hot_numbers_go_back_to_codes():
    embedding = OneHot((3, 0, 2))
    codes = jnp.array([2.0, -0.7, 0.0])
    hot = embedding.inverse(codes)
    assert hot.tolist() == pytest.approx([0, 0, 1, -0.7, 1, 0])
    np.testing.assert_array_equal(embedding.forward(hot), codes)
    assert (embedding.in_shape, embedding.out_shape) == ((6,), (3,))


def test_a_conditional_flow_on_categories_is_saved_whole(tmp_path):
    flow = Embedded(affine(1, cond_dim=4, width=4, depth=1, key=jax.random.key(0)), OneHot((3, 0)))
    io.save(tmp_path / "f.safetensors", flow)
    again = io.load(tmp_path / "f.safetensors")
    assert isinstance(flow.distribution, Transformed)
    given = jnp.array([1.0, 0.3])
    assert float(again.log_prob(jnp.ones(1), given)) == float(flow.log_prob(jnp.ones(1), given))
