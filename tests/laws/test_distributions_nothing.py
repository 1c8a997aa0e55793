"""What is no number stays none, and what has no density has no gradient."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pushforward import bijections as b
from pushforward import distributions as d
from pushforward import flows
from pushforward._params import partition

SMALL = {"width": 8, "depth": 1}
NORMAL = d.Normal(jnp.zeros(2))


def _boxes():
    return d.Mixture([d.Uniform(jnp.zeros(2), jnp.ones(2)), d.Uniform(jnp.full(2, 2.0), jnp.full(2, 3.0))])


def _through(base, *maps):
    return d.Mixture([d.Transformed(base, m) for m in maps])


BEYOND = [[5.0, 5.0], [0.5, 9.0]]
BELOW = [[-5.0, -9.0], [-1e-3, 0.5], [0.0, 0.0]]
NOT_WHOLE = [[0.5, 1.0], [1e38, 0.0]]
BOUNDED = {
    "uniform": (lambda k: d.Uniform(jnp.zeros(2), jnp.ones(2)), BEYOND),
    "mixture": (lambda k: _boxes(), BEYOND),
    "mixture_of_mixtures": (lambda k: d.Mixture([_boxes(), d.Uniform(jnp.full(2, 4.0), 4.5)]), BEYOND),
    "exp": (lambda k: _through(NORMAL, b.Exp((2,)), b.Exp((2,))), BELOW),
    "softplus": (lambda k: _through(NORMAL, b.Softplus((2,)), b.Exp((2,))), BELOW),
    "power": (lambda k: _through(d.Transformed(NORMAL, b.Exp((2,))), b.Power(-0.5, (2,)), b.Square((2,))), BELOW),
    "sigmoid": (lambda k: _through(NORMAL, b.Sigmoid((2,)), b.Sigmoid((2,), 0.0, 2.0)), [*BEYOND, [-1e4, 0.5]]),
    "tanh": (lambda k: _through(NORMAL, b.Tanh((2,)), b.Tanh((2,))), [*BEYOND, [-1e4, 0.5]]),
    "log": (lambda k: _through(d.Uniform(jnp.ones(2), 2.0), b.Log((2,)), b.Log((2,))), BEYOND),
    "product": (lambda k: d.Product([d.Laplace(jnp.zeros(1)), _boxes()]), [[0.0, 5.0, 5.0], [0.0, 0.5, 9.0]]),
    "resampled": (lambda k: d.Resampled(_boxes(), width=8, depth=1, num_samples=64, key=k), BEYOND),
    "conditional": (lambda k: d.ConditionalBase(_boxes(), 2, key=k, **SMALL), BEYOND),
    "bits": (lambda k: d.Autoregression(2, law="bernoulli", num_orders=2, key=k, **SMALL), NOT_WHOLE),
    "whole": (lambda k: d.Mixture([d.DiscretizedLogistic(jnp.zeros(2), s) for s in (7e-6, 2.0)]), NOT_WHOLE),
    "predicted": (lambda k: d.PredictedLogistic((2,), (2,), key=k, **SMALL), NOT_WHOLE),
    "categories": (lambda k: d.CategoricalMADE((2, 3), key=k, **SMALL), [[0.5, 1.0], [5.0, 0.0]]),
    "one_hot": (lambda k: d.OneHotCategorical(jnp.array([0.0, -jnp.inf, 1.0])), [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
    "dequantized": (lambda k: d.Mixture([d.Transformed(NORMAL, b.Dequantize((2,)))] * 2), [[0.5, 1.0]]),
    "far_gaussians": (lambda k: d.Mixture([NORMAL, d.Normal(jnp.zeros(2), 2.0)]), [[1e30, 1e30], [1e38, 0.0]]),
    "far_in_orders": (lambda k: d.Autoregression(2, num_orders=2, key=k, **SMALL), [[1e30, 1e30]]),
    "far_in_a_mixture": (
        lambda k: d.Autoregression(2, law="mixture", num_components=2, key=k, **SMALL),
        [[1e30, 1e30]],
    ),
}


def _condition(distribution, *batch):
    return None if distribution.cond_shape is None else jnp.ones((*batch, *distribution.cond_shape))


@pytest.mark.parametrize("name", BOUNDED)
def test_what_has_no_density_has_a_gradient_of_zero(name, key):
    build, outside = BOUNDED[name]
    distribution, x = build(key), jnp.asarray(outside, jnp.float32)
    condition = _condition(distribution, len(x))
    trained, rest = partition(distribution)

    @jax.jit
    def total(trained, x):
        log_prob = eqx.combine(trained, rest).log_prob(x, condition)
        return jnp.sum(jnp.where(jnp.isneginf(log_prob), 0.0, log_prob)), log_prob

    gradients, log_prob = jax.grad(total, argnums=(0, 1), has_aux=True)(trained, x)
    np.testing.assert_array_equal(log_prob, -np.inf)
    for leaf in jax.tree.leaves(gradients):
        np.testing.assert_array_equal(leaf, 0.0)


def test_rows_inside_keep_their_gradient_beside_rows_outside():
    mixture = _boxes()
    inside, both = jnp.full((1, 2), 0.5), jnp.array([[0.5, 0.5], [9.0, 9.0]])

    def total(logits, x):
        log_prob = eqx.tree_at(lambda m: m.logits, mixture, logits).log_prob(x)
        return jnp.sum(jnp.where(jnp.isneginf(log_prob), 0.0, log_prob))

    logits = jnp.log(jnp.array([0.25, 0.75]))
    np.testing.assert_allclose(jax.grad(total)(logits, inside), [0.75, -0.75], rtol=1e-6)  # d log(pi_1)
    np.testing.assert_allclose(jax.grad(total)(logits, both), [0.75, -0.75], rtol=1e-6)


@pytest.mark.parametrize(
    "law",
    [d.Normal(0.5), d.Logistic(0.5), d.Laplace(0.5), d.StudentT(3.0, 0.5), d.Uniform(0.0, 1.0)],
    ids=lambda law: type(law).__name__,
)
def test_infinity_has_no_density(law):
    np.testing.assert_array_equal(law.log_prob(jnp.array([-jnp.inf, jnp.inf])), -np.inf)


UNBOUNDED = {
    "normal": lambda k: NORMAL,
    "logistic": lambda k: d.Logistic(jnp.zeros(2)),
    "laplace": lambda k: d.Laplace(jnp.zeros(2)),
    "student_t": lambda k: d.StudentT(3.0, jnp.zeros(2)),
    "multivariate_normal": lambda k: d.MultivariateNormal(jnp.zeros(2), jnp.eye(2)),
    "circular_uniform": lambda k: d.CircularUniform((2,)),
    "von_mises": lambda k: d.VonMises(jnp.zeros(2)),
    "target": lambda k: d.Target(lambda x: jnp.where(jnp.all(x < 1), 0.0, -jnp.inf), (2,)),
    "bridge": lambda k: d.Bridge(_boxes(), d.Uniform(jnp.zeros(2), 1.0)),
    "embedded": lambda k: d.Embedded(d.ConditionalBase(NORMAL, 2, key=k, **SMALL), b.Standardize(jnp.ones(2), 2.0)),
    "given_angles": lambda k: d.GivenAngles(
        d.CircularUniform((1,)), d.ConditionalBase(d.Uniform(jnp.zeros(1)), 2, key=k, **SMALL)
    ),
    "given_categories": lambda k: d.GivenCategories(
        d.CategoricalMADE((2,), key=k, **SMALL), d.ConditionalBase(d.Uniform(jnp.zeros(1)), 2, key=k, **SMALL)
    ),
    "split_off": lambda k: d.SplitOff(
        d.DiscretizedLogistic.spread((2,)), d.PredictedLogistic((1,), (2,), key=k, **SMALL)
    ),
    "argmax": lambda k: d.Transformed(d.OneHotCategorical(jnp.zeros((2, 3))), b.OneHotToCodes((2,), 3)),
    "spline_to_a_box": lambda k: d.Transformed(
        d.Uniform(jnp.zeros(2)), flows.nsf_coupling(2, num_layers=2, width=8, key=k).bijection
    ),
}
EVERY = {name: build for name, (build, _) in BOUNDED.items()} | UNBOUNDED


DEAF = ["uniform", "circular_uniform", "whole", "one_hot", "categories", "bits"]
"""Those whose formula only compares; all others run in float32 in the laws."""


@pytest.mark.parametrize(
    ("name", "precision"), [(name, "float64") for name in EVERY] + [(name, "float32") for name in DEAF]
)
def test_one_nan_of_an_event_is_told(name, precision, key):
    with jax.enable_x64(precision == "float64"):
        distribution = EVERY[name](key)
        size = int(np.prod(distribution.event_shape))
        x = np.zeros((size + 1, size), precision)
        x[np.arange(size), np.arange(size)] = np.nan
        log_prob = distribution.log_prob(x.reshape(-1, *distribution.event_shape), _condition(distribution, len(x)))
        assert log_prob.dtype == precision
        np.testing.assert_array_equal(np.isnan(log_prob), [True] * size + [False])


@pytest.mark.parametrize("base", [d.CircularUniform((1,)), d.Uniform(jnp.zeros(1), 1.0), d.VonMises(jnp.zeros(1))])
def test_a_map_that_fails_is_not_hidden_by_its_base(base):
    """As an equation that is not solved, which is NaN behind a layer though the event was a number."""
    np.testing.assert_array_equal(base._log_prob_many(jnp.array([[jnp.nan, 0.5]]), None, None)[0], np.nan)
