"""Flows in NumPyro, with the real library."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import optax
import pytest
from numpyro.diagnostics import effective_sample_size
from numpyro.distributions import constraints
from numpyro.distributions.transforms import biject_to
from numpyro.infer import MCMC, NUTS, SVI, Trace_ELBO
from numpyro.infer.reparam import NeuTraReparam
from scipy import stats

import pushforward as pf
from pushforward import bijections as b
from pushforward.distributions import DiscretizedLogistic, Normal, Transformed, VonMises
from pushforward.interop.numpyro import (
    BijectionTransform,
    FlowDistribution,
    FlowGuide,
    constraint,
    param,
    with_params,
)
from pushforward.supports import POSITIVE, REAL, Categories, Circle, Integers, Interval, Product, Sphere

MIXED = [b.Exp((1,)), b.Identity((1,)), b.Sigmoid((1,), -1.0, 2.0)]


def mixed_flow(loc=0.0, scale=1.0) -> Transformed:
    return Transformed(Normal.standard((3,)), b.Chain([b.Affine(jnp.full(3, loc), scale), b.Concatenate(MIXED)]))


def within(draws: np.ndarray, expected: float, errors: float = 4.0) -> bool:
    """Whether the mean of draws `(chains, draws)` is what it should be, by their effective sample size."""
    error = draws.std() / np.sqrt(effective_sample_size(draws))
    return bool(abs(draws.mean() - expected) < errors * error)


def test_nuts_under_a_flow_prior_finds_the_known_posterior(key):
    """Coordinates 1 and 2 of the prior are Gaussian on the line and in log; each is seen once with Gaussian noise."""
    prior = mixed_flow(0.5, 2.0)

    def model(y):
        x = numpyro.sample("x", FlowDistribution(prior))
        numpyro.sample("y", dist.Normal(jnp.stack([jnp.log(x[0]), x[1]]), 1.0).to_event(1), obs=y)

    y = jnp.array([2.0, -1.0])
    mcmc = MCMC(NUTS(model), num_warmup=300, num_samples=1000, progress_bar=False)
    mcmc.run(key, y)
    x = np.asarray(mcmc.get_samples()["x"])[None]
    # Prior N(0.5, 4), noise 1: the posterior is N((0.5 / 4 + y) / 1.25, 1 / 1.25). Nothing is known of coordinate 3.
    for draws, seen in ((np.log(x[..., 0]), y[0]), (x[..., 1], y[1])):
        mean = (0.5 / 4.0 + float(seen)) / 1.25
        assert within(draws, mean)
        assert within((draws - mean) ** 2, 0.8)
    assert within(stats.norm.cdf((np.log((x[..., 2] + 1.0) / (2.0 - x[..., 2])) - 0.5) / 2.0), 0.5)


def test_a_guide_finds_a_gaussian_posterior(key):
    covariance = jnp.array([[1.0, 0.8], [0.8, 1.0]])

    def model():
        x = numpyro.sample("x", dist.MultivariateNormal(jnp.array([1.0, -2.0]), covariance))
        numpyro.sample("scale", dist.LogNormal(x[0] - 1.0, 0.5))

    guide = FlowGuide(model, "gaussian")
    optimizer = optax.adam(optax.cosine_decay_schedule(0.05, 600))
    result = SVI(model, guide, optimizer, Trace_ELBO(num_particles=16)).run(key, 600, progress_bar=False)
    assert float(np.mean(result.losses[-50:])) == pytest.approx(0.0, abs=0.02)  # the evidence is 1
    draws = guide.sample_posterior(key, result.params, sample_shape=(4000,))
    rows = np.column_stack([np.asarray(draws["x"]), np.log(np.asarray(draws["scale"]))])
    np.testing.assert_allclose(rows.mean(axis=0), [1.0, -2.0, 0.0], atol=0.08)
    expected = [[1.0, 0.8, 1.0], [0.8, 1.0, 0.8], [1.0, 0.8, 1.25]]
    np.testing.assert_allclose(np.cov(rows.T), expected, atol=0.12)
    assert guide.flow(result.params).event_shape == (3,)


def banana():
    a = numpyro.sample("a", dist.Normal(0.0, 1.0))
    numpyro.sample("b", dist.Normal(a**2, 0.3))


def test_neutra_recovers_a_banana(key):
    """A ~ N(0, 1) and b - a^2 ~ N(0, 0.3^2): mean and standard deviation of both, within 3 standard errors."""
    guide = FlowGuide(banana, "iaf", options={"num_layers": 2, "width": 32, "activation": "silu"}, init_scale=1.0)
    optimizer = optax.adam(optax.cosine_decay_schedule(0.01, 1500))
    result = SVI(banana, guide, optimizer, Trace_ELBO(num_particles=32)).run(key, 1500, progress_bar=False)
    neutra = NeuTraReparam(guide, result.params)
    mcmc = MCMC(NUTS(neutra.reparam(banana)), num_warmup=300, num_samples=2000, progress_bar=False)
    mcmc.run(key)
    found = neutra.transform_sample(mcmc.get_samples()["auto_shared_latent"])
    a, rest = np.asarray(found["a"])[None], np.asarray(found["b"] - found["a"] ** 2)[None]
    for draws, spread in ((a, 1.0), (rest, 0.3)):
        assert within(draws, 0.0, errors=3.0)
        assert within(draws**2, spread**2, errors=3.0)


def test_a_parameter_is_trained_and_what_is_fixed_stays(key):
    rows = 3.0 + 0.5 * jax.random.normal(key, (300, 1))
    start = Transformed(Normal.standard((1,)), b.Chain([b.Affine(jnp.zeros(1)), b.Standardize(jnp.full(1, 2.0), 2.0)]))

    def model():
        with numpyro.plate("rows", 300):
            numpyro.sample("x", FlowDistribution(param("flow", start)), obs=rows)

    svi = SVI(model, lambda: None, numpyro.optim.Adam(0.05), Trace_ELBO())
    trained = with_params(start, svi.run(key, 400, progress_bar=False).params["flow"])
    affine, fixed = trained.bijection.bijections
    np.testing.assert_array_equal([fixed.loc, fixed.scale], [[2.0], [2.0]])
    # The likeliest numbers are the rows' own, in units of the fixed map.
    np.testing.assert_allclose(affine.loc, (rows.mean() - 2.0) / 2.0, atol=0.01)
    np.testing.assert_allclose(affine.scale, rows.std() / 2.0, rtol=0.03)


def test_shapes_of_a_distribution_are_numpyros(key):
    flow = pf.flows.gaussian(2, cond_dim=3, width=4, depth=1, key=key)
    law = FlowDistribution(flow, jnp.ones((4, 1, 3)))
    assert (law.batch_shape, law.event_shape) == ((4, 1), (2,))
    assert law.shape((7,)) == law.sample(key, (7,)).shape == (7, 4, 1, 2)
    wide = law.expand((5, 4, 6))
    assert wide.sample(key).shape == (5, 4, 6, 2)
    assert wide.log_prob(jnp.zeros(2)).shape == (5, 4, 6)
    np.testing.assert_allclose(law.log_prob(jnp.zeros(2)), flow.log_prob(jnp.zeros(2), jnp.ones((4, 1, 3))), rtol=1e-6)
    with numpyro.handlers.seed(rng_seed=0), numpyro.plate("rows", 4, dim=-2), numpyro.plate("columns", 6):
        assert numpyro.sample("x", law).shape == (4, 6, 2)


def test_a_distribution_goes_through_jax_as_a_tree(key):
    law = FlowDistribution(mixed_flow())
    x = law.sample(key, (3,))
    inside = jax.jit(lambda law, x: law.log_prob(x))(law, x)
    np.testing.assert_allclose(inside, law.log_prob(x), rtol=1e-5)
    leaves, tree = jax.tree.flatten(law)
    assert jax.tree.unflatten(tree, leaves).support == law.support
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), law, law)
    assert jax.vmap(lambda law: law.log_prob(x))(stacked).shape == (2, 3)


def test_values_outside_of_the_support_have_no_density():
    law = FlowDistribution(mixed_flow(), validate_args=True)
    with pytest.warns(UserWarning, match="Out-of-support"):
        assert law.log_prob(jnp.array([-1.0, 0.0, 0.0])) == -jnp.inf


@pytest.mark.parametrize(
    ("support", "shape", "expected"),
    [
        (REAL, (), constraints.real),
        (REAL, (2,), constraints.real_vector),
        (POSITIVE, (), constraints.positive),
        (Interval(2.0), (), constraints.greater_than(2.0)),
        (Interval(0.0, 1.0), (2,), constraints.independent(constraints.unit_interval, 1)),
        (Interval(-1.0, 2.0), (), constraints.interval(-1.0, 2.0)),
        (Circle(), (), constraints.circular),
        (Integers(0), (), constraints.integer_greater_than(0)),
        (Integers(0, 3), (), constraints.integer_interval(0, 3)),
        (Categories(3), (), constraints.integer_interval(0, 2)),
        (Sphere(), (3,), constraints.sphere),
    ],
)
def test_a_support_is_numpyros_own_constraint_where_there_is_one(support, shape, expected):
    found = constraint(support, shape)
    assert found.event_dim == len(shape)
    if shape == (2,) and support == REAL:
        assert repr(found.base_constraint) == repr(constraints.real)
    else:
        assert found == expected


def test_a_product_has_a_map_onto_it(key):
    found = constraint(mixed_flow().support, (3,))
    onto = biject_to(found)
    y = onto(3.0 * jax.random.normal(key, (50, 3)))
    assert np.all(found(y))
    np.testing.assert_allclose(onto(onto.inv(y)), y, rtol=1e-4)
    assert found(found.feasible_like(y)).all()
    assert not found.is_discrete
    assert found == constraint(Product((POSITIVE, REAL, Interval(-1.0, 2.0))), (3,))
    shaped = constraint(Product((POSITIVE, REAL)), (2, 1))
    assert biject_to(shaped)(jnp.zeros((5, 2, 1))).tolist()[0] == [[1.0], [0.0]]


TRANSFORMS = {
    "scalar": b.Exp(),
    "vector": b.Chain([b.LU(3), b.Concatenate(MIXED)]),
    "reshape": b.Reshape((6,), (2, 3)),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_map_is_a_transform(name, key):
    bijection = TRANSFORMS[name]
    transform = BijectionTransform(bijection)
    ins, outs = bijection.in_shape, bijection.out_shape
    assert (transform.domain.event_dim, transform.codomain.event_dim) == (len(ins), len(outs))
    x = jax.random.normal(key, (4, 5, *ins))
    y, log_det = transform.call_with_intermediates(x)
    assert (transform.forward_shape(x.shape), transform.inverse_shape(y.shape)) == (y.shape, x.shape)
    assert np.all(transform.codomain(y))
    np.testing.assert_allclose(transform.inv(y), x, rtol=1e-4, atol=1e-5)
    size = int(np.prod(ins))
    jacobian = jax.jacobian(transform)(x[1, 2]).reshape(size, size)
    expected = np.linalg.slogdet(np.asarray(jacobian, np.float64))[1]
    assert log_det.shape == (4, 5)
    np.testing.assert_allclose(transform.log_abs_det_jacobian(x, y)[1, 2], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(transform.inv.log_abs_det_jacobian(y, x)[1, 2], -expected, rtol=1e-4, atol=1e-5)


def test_domain_and_codomain_are_those_of_the_map():
    assert BijectionTransform(b.Log()).domain == constraints.positive
    assert BijectionTransform(b.Sigmoid(low=-1.0, high=2.0)).codomain == constraints.interval(-1.0, 2.0)
    assert BijectionTransform(b.Inverse(b.Exp((2,)))).domain.base_constraint == constraints.positive


def test_a_conditional_map_takes_its_condition_along(key):
    bijection = b.Coupling(b.Affine(), 2, cond_dim=3, width=4, key=key)
    bijection = jax.tree.map(lambda leaf: leaf + 0.3, bijection)
    conditions = jax.random.normal(key, (4, 3))
    x = jnp.ones((5, 4, 2))
    y = BijectionTransform(bijection, conditions)(x)
    assert y.shape == (5, 4, 2)
    np.testing.assert_allclose(y[2, 3], bijection.forward(x[2, 3], conditions[3]), rtol=1e-5)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda k: BijectionTransform(b.Dequantize()), "no exact log-det.*FlowDistribution"),
        (lambda k: BijectionTransform(b.Coupling(b.Affine(), 2, cond_dim=3, key=k)), "needs a `condition`"),
        (lambda k: FlowDistribution(Normal.standard(), jnp.ones(3)), "not conditional"),
        (lambda k: FlowGuide(banana, "iat"), "'iaf'"),
        (lambda k: FlowGuide(banana, "glow"), "flow on the line"),
        (lambda k: FlowGuide(banana, init_scale=0.0), "`init_scale` must be positive"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(build, words, key):
    with pytest.raises(ValueError, match=words):
        build(key)


def test_a_recipe_without_a_map_is_refused_by_the_guide(key):
    guide = FlowGuide(banana, "made")
    with pytest.raises(ValueError, match=r"Autoregression.*'nsf'"), numpyro.handlers.seed(rng_seed=0):
        guide()


def test_nuts_says_what_to_do_where_the_support_is_trained(key):
    chain = b.Chain([b.Exp((2,)), b.Affine(jnp.zeros(2))])
    model = lambda: numpyro.sample("x", FlowDistribution(Transformed(Normal.standard((2,)), chain)))  # noqa: E731
    with pytest.raises(ValueError, match=r"depends on numbers that are trained.*`Exp`"):
        MCMC(NUTS(model), num_warmup=1, num_samples=1, progress_bar=False).run(key)


def test_nuts_refuses_whole_numbers_by_the_sites_name(key):
    model = lambda: numpyro.sample("count", FlowDistribution(DiscretizedLogistic(jnp.zeros(2))))  # noqa: E731
    with pytest.raises(RuntimeError, match="site count"):
        MCMC(NUTS(model), num_warmup=1, num_samples=1, progress_bar=False).run(key)


def test_angles_are_circular():
    law = FlowDistribution(VonMises(jnp.zeros(()), 2.0))
    assert law.support == constraints.circular
    assert law.log_prob(jnp.asarray(0.3)) == pytest.approx(stats.vonmises.logpdf(0.3, 2.0), abs=1e-4)


def test_without_numpyro_the_error_names_the_extra():
    code = (
        "import sys; sys.modules['numpyro'] = None\nimport pushforward as pf\n"
        "try:\n    pf.interop.numpyro\nexcept ImportError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert "the extra `numpyro`" in done.stdout
