"""Means, entropies, distribution functions and quantiles beside SciPy's, at both ends, in both precisions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from pushforward import bijections as b
from pushforward import distributions as d
from pushforward import flows
from pushforward._errors import NoFormulaError

T = d.Transformed
LAWS = {  # ours and SciPy's, of one number
    "normal": (lambda: d.Normal(1.5, 0.3), stats.norm(1.5, 0.3)),
    "standard normal": (lambda: d.Normal.standard(()), stats.norm()),
    "logistic": (lambda: d.Logistic(1.5, 0.3), stats.logistic(1.5, 0.3)),
    "laplace": (lambda: d.Laplace(-2.0, 3.0), stats.laplace(-2.0, 3.0)),
    "uniform": (lambda: d.Uniform(2.0, 5.0), stats.uniform(2.0, 3.0)),
    "t of 0.5": (lambda: d.StudentT(0.5, 1.0, 2.0), stats.t(0.5, 1.0, 2.0)),
    "Cauchy": (lambda: d.StudentT(1.0, 0.0, 1.0), stats.cauchy()),
    "t of 1.5": (lambda: d.StudentT(1.5, 1.0, 2.0), stats.t(1.5, 1.0, 2.0)),
    "t of 5": (lambda: d.StudentT(5.0, 1.0, 2.0), stats.t(5.0, 1.0, 2.0)),
    "t of 30": (lambda: d.StudentT(30.0, 0.0, 1.0), stats.t(30.0)),
    "t of 1e6": (lambda: d.StudentT(1e6, 0.0, 1.0), stats.t(1e6)),
    "affine": (lambda: T(d.Logistic(0.0, 1.0), b.Affine(3.0, 2.0)), stats.logistic(3.0, 2.0)),
}
THROUGH = {  # without a mean in closed form
    "lognormal": (lambda: T(d.Normal(1.0, 2.0), b.Exp()), stats.lognorm(2.0, scale=np.e)),
    "falling power": (lambda: T(T(d.Normal(0.0, 1.0), b.Exp()), b.Power(-0.5)), stats.lognorm(0.5)),
    "exp of a uniform": (lambda: T(d.Uniform(0.0, np.log(5.0)), b.Exp()), stats.loguniform(1.0, 5.0)),
    "logistic to a box": (lambda: T(d.Logistic(0.0, 1.0), b.Sigmoid((), 2.0, 5.0)), stats.uniform(2.0, 3.0)),
}


def _cast(law, precision):
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, precision), law)


@pytest.fixture(params=["float32", "float64"])
def precision(request):
    with jax.enable_x64(request.param == "float64"):
        yield request.param


BOUND = {"float32": 2e-5, "float64": 1e-11}


@pytest.mark.parametrize("name", LAWS)
def test_moments_and_entropy_are_those_of_scipy(name, precision):
    build, scipy = LAWS[name]
    law, bound = _cast(build(), precision), BOUND[precision]
    has_mean = name != "t of 0.5"  # SciPy's is infinite: the integral does not exist
    np.testing.assert_allclose(law.mean(), scipy.mean() if has_mean else np.nan, rtol=bound)
    np.testing.assert_allclose(law.variance(), scipy.var() if has_mean else np.nan, rtol=bound)
    np.testing.assert_allclose(law.stddev(), scipy.std() if has_mean else np.nan, rtol=bound)
    # SciPy's own entropy of t loses ten digits at 1e6 degrees of freedom.
    np.testing.assert_allclose(law.entropy(), scipy.entropy(), rtol=max(bound, 1e-9 if name == "t of 1e6" else 0))


LEVELS = {
    "float32": [1e-35, 1e-12, 1e-3, 0.2, 0.499, 0.5, 0.7, 0.999, 1 - 2.0**-20],
    "float64": [1e-250, 1e-12, 1e-3, 0.2, 0.499, 0.5, 0.7, 0.999, 1 - 2.0**-48],
}
ENDS, NO_LEVELS = [0.0, 1.0], [-0.1, 1.1, np.nan]


def _least_level(name):
    """SciPy's own t is wrong below; through a falling map what is near 0 is 1 minus what is near 1."""
    return 1e-3 if "falling" in name else 1e-12 if name.startswith("t of") or name == "Cauchy" else 0.0


@pytest.mark.parametrize("name", LAWS | THROUGH)
def test_quantile_and_cdf_are_those_of_scipy_to_both_ends(name, precision):
    build, scipy = (LAWS | THROUGH)[name]
    law, bound = _cast(build(), precision), BOUND[precision]
    q = np.array(LEVELS[precision] + ENDS + NO_LEVELS, precision)
    levels = slice(0, len(LEVELS[precision]))
    exact = scipy.ppf(q[levels].astype(np.float64))
    held = (np.abs(exact) < np.finfo(precision).max / 1e3) & (q[levels] > _least_level(name))
    x = np.asarray(law.quantile(q), np.float64)
    spread, (low, high) = scipy.ppf(0.75) - scipy.ppf(0.25), scipy.support()
    np.testing.assert_allclose(x[levels][held], exact[held], rtol=bound, atol=bound * spread)
    np.testing.assert_allclose(x[levels.stop :], [low, high, np.nan, np.nan, np.nan], atol=1e-6)

    beyond = [low - 1.0 if np.isfinite(low) else -np.inf, high + 1.0 if np.isfinite(high) else np.inf]
    at = np.array([*np.where(held, exact, 0.5 * spread), -np.inf, np.inf, *beyond, np.nan], precision)
    found, at = np.asarray(law.cdf(at), np.float64), at.astype(np.float64)
    np.testing.assert_array_equal(found[levels.stop :], [0.0, 1.0, 0.0, 1.0, np.nan])
    # A rounding of x moves the share by x times the density.
    at, found = at[levels], found[levels]
    moved = 20 * np.finfo(precision).eps * (np.abs(at) + spread) * scipy.pdf(at)
    assert np.all(np.abs(found - scipy.cdf(at)) <= bound * scipy.cdf(at) + moved)


@pytest.mark.parametrize("name", ["t of 5", "lognormal"])
def test_gradients_of_the_distribution_function_are_the_density(name):
    build, scipy = (LAWS | THROUGH)[name]
    law = build()
    np.testing.assert_allclose(jax.grad(law.cdf)(2.0), scipy.pdf(2.0), rtol=1e-4)
    np.testing.assert_allclose(jax.grad(law.quantile)(0.8), 1.0 / scipy.pdf(scipy.ppf(0.8)), rtol=1e-4)


def test_each_coordinate_is_asked_by_itself(precision):
    law = _cast(T(d.Normal(jnp.zeros(2), 1.0), b.Concatenate([b.Exp((1,)), b.Scale(jnp.array([3.0]))])), precision)
    scipy = [stats.lognorm(1.0), stats.norm(0.0, 3.0)]
    medians = law.quantile(jnp.asarray([0.05, 0.5, 0.95], precision)[:, None])
    np.testing.assert_allclose(medians, np.transpose([s.ppf([0.05, 0.5, 0.95]) for s in scipy]), rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(law.cdf(medians), np.tile([[0.05], [0.5], [0.95]], 2), rtol=2e-5)
    np.testing.assert_allclose(law.quantile(0.5), [1.0, 0.0], atol=1e-6)


def test_a_mixture_is_asked_through_its_components(precision):
    law = _cast(d.Mixture([d.Normal(-2.0, 0.5), d.Laplace(3.0, 1.0)], [1.0, 3.0]), precision)
    parts = [stats.norm(-2.0, 0.5), stats.laplace(3.0, 1.0)]
    np.testing.assert_allclose(law.mean(), 0.25 * -2 + 0.75 * 3, rtol=1e-5)
    second = 0.25 * (0.25 + 4) + 0.75 * (2 + 9)
    np.testing.assert_allclose(law.variance(), second - 1.75**2, rtol=1e-5)
    q = np.array([1e-6, 0.1, 0.25, 0.5, 0.999], precision)
    x = np.asarray(law.quantile(q), np.float64)
    np.testing.assert_allclose(0.25 * parts[0].cdf(x) + 0.75 * parts[1].cdf(x), q, rtol=1e-4)
    np.testing.assert_array_equal(law.quantile(np.array([0.0, 1.0], precision)), [-np.inf, np.inf])
    with pytest.raises(NoFormulaError, match=r"Mixture.entropy.*\n.*sample_and_log_prob"):
        law.entropy()


def test_uniform_parts_of_a_mixture_leave_a_gap():
    law = d.Mixture([d.Uniform(0.0, 1.0), d.Uniform(2.0, 4.0)], [0.25, 0.75])
    np.testing.assert_allclose(law.quantile(jnp.array([0.0, 0.125, 0.25, 0.625, 1.0])), [0, 0.5, 1, 3, 4], atol=1e-6)
    np.testing.assert_allclose(law.cdf(jnp.array([-1.0, 0.5, 1.5, 3.0, 5.0])), [0, 0.125, 0.25, 0.625, 1], atol=1e-6)


def test_gaussians_of_several_numbers():
    covariance = np.array([[2.0, 0.6], [0.6, 0.5]], np.float32)
    law, scipy = (
        d.MultivariateNormal(jnp.array([1.0, -1.0]), covariance),
        stats.multivariate_normal([1, -1], covariance),
    )
    np.testing.assert_allclose(law.mean(), [1.0, -1.0])
    np.testing.assert_allclose(law.variance(), [2.0, 0.5], rtol=1e-5)
    np.testing.assert_allclose(law.entropy(), scipy.entropy(), rtol=1e-5)
    np.testing.assert_allclose(
        law.cdf(jnp.array([2.0, 0.0])), stats.norm([1, -1], np.sqrt([2, 0.5])).cdf([2, 0]), rtol=1e-5
    )
    np.testing.assert_allclose(law.cdf(law.quantile(0.9)), 0.9, rtol=1e-5)
    mixed = T(law, b.Permute([1, 0]))
    np.testing.assert_allclose(mixed.mean(), [-1.0, 1.0])
    np.testing.assert_allclose(mixed.entropy(), scipy.entropy(), rtol=1e-5)
    pair = d.Product([law, d.Uniform(jnp.zeros(1), 2.0)])
    np.testing.assert_allclose(pair.mean(), [1.0, -1.0, 1.0])
    np.testing.assert_allclose(pair.entropy(), scipy.entropy() + np.log(2.0), rtol=1e-5)
    np.testing.assert_allclose(pair.cdf(pair.quantile(0.3)), 0.3, rtol=1e-5)


def test_circles():
    uniform = d.CircularUniform(())
    np.testing.assert_allclose(uniform.entropy(), np.log(2 * np.pi), rtol=1e-6)
    np.testing.assert_allclose(
        uniform.cdf(jnp.array([-np.pi, 0.0, 1.0 + 2 * np.pi])), [0.0, 0.5, 0.5 + 0.5 / np.pi], atol=1e-6
    )
    np.testing.assert_allclose(uniform.quantile(jnp.array([0.0, 0.75])), [-np.pi, np.pi / 2], rtol=1e-6)
    for concentration in (1e-3, 2.0, 1e4):
        law = d.VonMises(0.5, concentration)
        np.testing.assert_allclose(law.entropy(), stats.vonmises(concentration).entropy(), rtol=1e-4)
        assert law.mean() == 0.5
    with pytest.raises(NoFormulaError, match="pit"):
        law.cdf(0.0)


def test_whole_numbers_and_categories():
    whole = np.arange(-40.0, 41.0, dtype=np.float32)
    alone = d.DiscretizedLogistic(jnp.array([-3.0, 2.0]), jnp.array([0.7, 2.0]), jnp.array([0.3, 0.7]))
    probability = np.exp(np.asarray(alone.log_prob(whole), np.float64))
    np.testing.assert_allclose(alone.cdf(whole), np.cumsum(probability), atol=1e-5)
    np.testing.assert_allclose(alone.cdf(whole + 0.7), alone.cdf(whole), atol=1e-7)
    shares = np.array([0.2, 0.3, 0.5])
    hot = d.OneHotCategorical(jnp.log(shares))
    np.testing.assert_allclose(hot.mean(), shares, rtol=1e-5)
    np.testing.assert_allclose(hot.variance(), shares * (1 - shares), rtol=1e-5)
    np.testing.assert_allclose(hot.entropy(), stats.entropy(shares), rtol=1e-5)
    assert d.OneHotCategorical(jnp.array([0.0, -jnp.inf])).entropy() == 0.0


def test_answers_follow_the_condition(key):
    law = d.ConditionalBase(d.Normal(jnp.zeros(2), 0.5), 3, width=8, key=key)
    law = jax.tree.map(lambda leaf: leaf + 0.1 * jax.random.normal(key, leaf.shape), law)
    conditions = jax.random.normal(key, (4, 5, 3))
    mean, deviation = law.mean(conditions), law.stddev(conditions)
    assert mean.shape == deviation.shape == (4, 5, 2)
    x = law.sample(key, 4000, conditions[0, 0])
    np.testing.assert_allclose(mean[0, 0], x.mean(axis=0), atol=4 * np.max(deviation) / np.sqrt(4000))
    np.testing.assert_allclose(law.entropy(conditions).shape, (4, 5))
    np.testing.assert_allclose(law.cdf(mean, conditions), 0.5, atol=1e-5)
    np.testing.assert_allclose(law.quantile(0.5, conditions), mean, rtol=1e-5)
    seen = d.Embedded(law, b.Standardize(jnp.ones(3), 2.0))
    np.testing.assert_allclose(seen.mean(1.0 + 2.0 * conditions), mean, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="needs a `condition`"):
        law.mean()


@pytest.mark.parametrize("build", [flows.nsf_coupling, flows.maf])
def test_a_trained_flow_over_one_number_has_quantiles(build, key):
    flow = build(1, num_layers=2, width=8, key=key)
    flow = jax.tree.map(lambda leaf: leaf + 0.3 * jax.random.normal(key, leaf.shape), flow)
    x = jnp.linspace(-6.0, 6.0, 4001)[:, None]
    density = np.exp(np.asarray(flow.log_prob(x), np.float64))
    share = integrate.cumulative_simpson(density, x=np.asarray(x[:, 0], np.float64), initial=0.0)
    found = np.asarray(flow.cdf(x))[:, 0]
    np.testing.assert_allclose(found - found[0], share, atol=5e-4)
    np.testing.assert_allclose(
        flow.cdf(flow.quantile(jnp.array([[0.1], [0.5], [0.9]])))[:, 0], [0.1, 0.5, 0.9], atol=1e-4
    )


def test_what_has_no_formula_names_what_to_use_instead(key):
    flow = flows.maf(2, num_layers=2, width=8, key=key)
    for ask, words in (
        (lambda: flow.mean(), "its map is not affine.*sample"),
        (lambda: flow.variance(), "sample"),
        (lambda: flow.entropy(), "sample_and_log_prob"),
        (lambda: flow.cdf(jnp.zeros(2)), "not a monotone one of each coordinate.*diagnostics.pit"),
        (lambda: flow.quantile(0.5), "jnp.quantile"),
    ):
        with pytest.raises(NotImplementedError, match=f"(?s){words}"):
            ask()
    with pytest.raises(NoFormulaError, match="circle"):
        T(d.CircularUniform((1,)), b.Identity((1,))).cdf(jnp.zeros(1))
    with pytest.raises(ValueError, match="last axes of `q`"):
        flow.quantile(jnp.zeros(3))
