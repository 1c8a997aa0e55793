"""Laws of flows over whole numbers and categories: probabilities that add up, samples that follow them, no volume."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chi2

import pushforward as pf
from cases import perturb
from pushforward import bijections as b
from pushforward import distributions as d
from pushforward import flows
from pushforward.bijections.discrete._codes import map_codes
from pushforward.bijections.discrete._modulo import _Modulo

SMALL = {"width": 8, "depth": 1}
K = 4
INTEGERS = {
    "coupling": lambda k: flows.idf(2, num_components=2, unit=2.0, key=k, **SMALL),
    "autoregressive": lambda k: flows.idf(2, num_components=2, autoregressive=True, key=k, **SMALL),
}
CATEGORIES = {
    "coupling": lambda k: flows.modulo(3, num_categories=K, autoregressive=False, key=k, **SMALL),
    "autoregressive": lambda k: flows.modulo(3, num_categories=K, key=k, **SMALL),
    "scaled": lambda k: flows.modulo(3, num_categories=K, scaled=True, key=k, **SMALL),
}
SMALL_FLOWS = {f"idf_{name}": build for name, build in INTEGERS.items()}
SMALL_FLOWS |= {f"modulo_{name}": build for name, build in CATEGORIES.items()}


def every_event(name: str) -> np.ndarray:
    """All events with a probability worth counting."""
    numbers, dim = (np.arange(-60.0, 61.0), 2) if name.startswith("idf") else (np.arange(float(K)), 3)
    return np.stack(np.meshgrid(*[numbers] * dim, indexing="ij"), axis=-1).reshape(-1, dim)


@partial(jax.jit, static_argnums=1)
def run(bijection: b.AbstractBijection, method: str, x: jax.Array, key: jax.Array | None = None):
    return getattr(bijection, method)(x, None, key)


def flow_of(name: str, key: jax.Array) -> d.AbstractDistribution:
    return perturb(SMALL_FLOWS[name](key), 0.6 if name.startswith("idf") else 2.0)


@pytest.mark.parametrize("name", SMALL_FLOWS)
def test_probabilities_add_up_to_one(name, key):
    log_prob = flow_of(name, key).log_prob(every_event(name))
    assert np.exp(np.asarray(log_prob, np.float64)).sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("name", SMALL_FLOWS)
def test_samples_follow_the_probabilities(name, key):
    """Chi-square over events that are expected five times or more, and the rest: rejected once in 10,000 seeds."""
    flow, n = flow_of(name, key), 20_000
    events = every_event(name)
    expected = n * np.exp(np.asarray(flow.log_prob(events), np.float64))
    x, log_prob = flow.sample_and_log_prob(key, n)
    np.testing.assert_allclose(log_prob, flow.log_prob(x), atol=1e-4)
    place = {tuple(event): i for i, event in enumerate(events.tolist())}
    counted = np.bincount([place[tuple(row)] for row in np.asarray(x).tolist()], minlength=len(events))
    often = expected >= 5
    seen = np.append(counted[often], counted[~often].sum())
    wanted = np.append(expected[often], max(expected[~often].sum(), 1e-6))
    statistic = np.sum((seen - wanted) ** 2 / wanted)
    assert statistic < chi2.ppf(1 - 1e-4, often.sum())


@pytest.mark.parametrize("name", SMALL_FLOWS)
def test_layers_move_something_and_bring_it_back_exactly(name, key):
    flow = flow_of(name, key)
    x = jnp.asarray(every_event(name)).T
    if name.startswith("idf"):
        x = jnp.concatenate([x, jnp.array([[2.0**22, -(2.0**22), 1e5, 0.0], [-(2.0**22), 0.0, -1e5, 2.0**22]])], axis=1)
    z, log_det = run(flow.bijection, "_inverse_many", x)
    np.testing.assert_array_equal(run(flow.bijection, "_forward_many", z)[0], x)
    np.testing.assert_array_equal(log_det, 0.0)
    assert np.any(np.asarray(flow.base.to_numbers(z)) != np.asarray(x))
    assert np.all(np.asarray(z) == np.round(z))


@pytest.mark.parametrize("name", SMALL_FLOWS)
def test_what_is_no_event_has_probability_zero(name, key):
    flow = flow_of(name, key)
    wrong = [0.5, 2.0**25] if name.startswith("idf") else [0.5, -1.0, K]
    x = np.stack([np.full(flow.event_shape, 1.0)] * len(wrong))
    x[:, 0] = wrong
    np.testing.assert_array_equal(flow.log_prob(x), -np.inf)


@pytest.mark.parametrize("name", SMALL_FLOWS)
def test_gradients_are_finite_and_reach_every_layer(name, key):
    flow = flow_of(name, key)
    far = 1e4 if name.startswith("idf") else 1.0
    x = jnp.concatenate([every_event(name)[::3], far * every_event(name)[:1]])
    gradient = jax.jit(jax.grad(lambda f: -jnp.mean(f.log_prob(x))))(flow)
    leaves = jax.tree.leaves(gradient)
    assert all(np.all(np.isfinite(leaf)) for leaf in leaves)
    nets = [layer.bijections[0].net for layer in _layers(gradient)]
    assert all(np.any(np.asarray(net.weights[-1]) != 0) for net in nets)


def _layers(flow):
    chain = flow.bijection
    return (
        chain if isinstance(chain.bijections[0].bijections[0], b.Coupling | b.Autoregressive) else chain.bijections[0]
    ).bijections


def test_a_map_of_codes_has_the_gradient_of_its_linear_extension(key):
    """Location and scale: `y = mu + s x` mod 5, written out as sums over all categories."""
    size, units = 5, np.array([1, 2, 3, 4])
    table = np.zeros((size, size, size, len(units)))  # y, x, mu, s
    for x in range(size):
        for mu in range(size):
            for s, unit in enumerate(units):
                table[(mu + unit * x) % size, x, mu, s] = 1.0
    hots = [jax.nn.one_hot(jnp.array([[2, 0], [3, 1]]), n, axis=1) for n in (size, size, len(units))]
    weights = jax.random.normal(key, (2, size, 2))
    extended = lambda *h: jnp.sum(weights * jnp.einsum("yxms,nxb,nmb,nsb->nyb", table, *h))  # noqa: E731
    direct = lambda *h: jnp.sum(weights * map_codes(_Modulo(size), *h))  # noqa: E731
    assert direct(*hots) == pytest.approx(float(extended(*hots)), abs=1e-6)
    for mine, theirs in zip(jax.grad(direct, (0, 1, 2))(*hots), jax.grad(extended, (0, 1, 2))(*hots), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


@pytest.mark.parametrize("recipe", ["idf", "modulo", "argmax"])
def test_conditions_matter(recipe, key):
    flow = perturb(flows.RECIPES[recipe].build(2, cond_dim=1, num_layers=2, **SMALL, key=key), 1.0)
    conditions = jnp.linspace(-3.0, 3.0, 20)[:, None]
    x = flow.sample(key, 5, conditions)
    assert x.shape == (5, 20, 2)
    log_prob = flow.log_prob(x, conditions)
    assert np.all(np.isfinite(log_prob))
    assert not np.allclose(log_prob, flow.log_prob(x, -conditions))


def test_shifts_learn_a_dependence_between_whole_numbers(key):
    """The second number is twice the first, give or take one: 3.0 and 1.1 nats, where independent numbers cost 6.6."""
    rng = np.random.default_rng(0)
    first = rng.integers(-10, 11, 2000)
    x = np.stack([first, 2 * first + rng.integers(-1, 2, 2000)], axis=1)
    flow = flows.idf(2, num_layers=2, width=32, depth=1, key=key)
    fitted = pf.fit(flow, x, learning_rate=1e-2, max_epochs=60, batch_size=100, progress=False, key=key).flow
    assert -fitted.log_prob(x).mean() < 5.2


def test_modulo_layers_learn_a_dependence_between_categories(key):
    """The second code is the first plus one modulo 5: log 5 nats where independent codes cost twice as many."""
    first = np.random.default_rng(0).integers(0, 5, 2000)
    x = np.stack([first, (first + 1) % 5], axis=1)
    flow = flows.modulo(2, num_categories=5, num_layers=1, width=32, depth=1, key=key)
    fitted = pf.fit(flow, x, learning_rate=1e-2, max_epochs=40, batch_size=100, progress=False, key=key).flow
    assert -fitted.log_prob(x).mean() < np.log(5) + 0.1


def test_a_discretized_logistic_keeps_its_precision_in_the_tails(x64):
    base = d.DiscretizedLogistic(jnp.array([0.3]), 0.5)
    x = np.array([[0.0], [40.0], [1e4], [-1e6]])
    s, offset = 0.5, x[:, 0] - 0.3
    # Far out the pmf is exp(-|offset| / s) (exp(1 / 2s) - exp(-1 / 2s)).
    far = -np.abs(offset) / s + np.log(2 * np.sinh(1.0))
    np.testing.assert_allclose(base.log_prob(x)[1:], far[1:], rtol=1e-12)
    sigmoid = lambda v: 1 / (1 + np.exp(-v))  # noqa: E731
    near = np.log(sigmoid((offset[0] + 0.5) / s) - sigmoid((offset[0] - 0.5) / s))
    np.testing.assert_allclose(base.log_prob(x)[0], near, rtol=1e-12)


def test_a_discretized_logistic_starts_from_data_once(key):
    base = d.DiscretizedLogistic.spread((2,), 3, unit=4.0)
    x = jnp.array([[100.0, -7.0]]) + jax.random.normal(key, (500, 2)) * jnp.array([20.0, 0.0])
    started = base._data_init(jnp.round(x).T, None)
    np.testing.assert_allclose(4.0 * started.loc.mean(axis=0), [100.0, -7.0], atol=3.0)
    thirds = np.sort(np.round(np.asarray(x[:, 0])))[:498].reshape(3, 166).mean(axis=1)
    np.testing.assert_allclose(4.0 * started.loc[:, 0], thirds, atol=1.0)
    assert len(np.unique(started.scale[:, 1])) == 3  # alike ones would stay alike
    again = started._data_init(jnp.zeros((2, 500)), None)
    np.testing.assert_array_equal(again.loc, started.loc)


@pytest.mark.parametrize(
    "base",
    [
        d.DiscretizedLogistic(
            np.array([[0.3, -20.0], [4.0, 2.0]]), np.array([[0.01, 3.0], [1.0, 8.0]]), np.ones((2, 2)), unit=2.0
        ),
        d.DiscretizedLogistic(np.array([[0.3, -20.0], [4.0, 2.0]]), 0.5, np.ones((2, 2)), unit=2.0, wide=0.1),
        d.OneHotCategorical(np.array([[0.0, 1.0, -2.0], [3.0, 0.0, 0.0]])),
    ],
    ids=["discretized_logistic", "with_a_wide_component", "one_hot_categorical"],
)
def test_tables_hold_the_probabilities_of_the_base(base):
    total = 0.0
    for i, table in enumerate(base.tables()):
        assert table.probabilities.sum() == pytest.approx(1.0, abs=1e-6)
        numbers = np.zeros((2, len(table.probabilities)))
        numbers[i] = table.low + np.arange(len(table.probabilities))
        other = list(base.tables())[1 - i]
        constant = np.log(other.probabilities[0 - other.low])
        events = np.moveaxis(np.asarray(base.from_numbers(jnp.asarray(numbers))), -1, 0)
        likely = table.probabilities > 1e-6
        given = np.log(table.probabilities[likely])
        np.testing.assert_allclose(base.log_prob(events)[likely] - constant, given, atol=2e-4)
        total += 1
    assert total == 2


def test_a_number_that_was_never_seen_keeps_a_probability(key):
    """Of a pixel that is black in all images of training, so that its law becomes as narrow as it can."""
    base = d.DiscretizedLogistic.spread((1,), 3, unit=32.0)._data_init(jnp.full((1, 100), -128.0), None)
    seen, unseen = base.log_prob(np.array([[-128.0], [127.0]])) / np.log(2.0)
    assert seen > -2.0
    assert -24.0 < unseen < -15.0  # a coder has probabilities down to 2**-24
    drawn = np.abs(np.asarray(base.sample(key, 100_000)) + 128.0)
    assert 1e-5 < np.mean(drawn > 16.0) < 3e-4


class TestArgmax:
    @pytest.fixture
    def flow(self, key):
        return perturb(flows.argmax(1, num_categories=2, num_layers=2, key=key, **SMALL), 0.1)

    def test_it_says_that_it_is_a_bound(self, flow):
        assert not flow.exact
        assert flow.kinds == ("estimated", "analytic")

    def test_draws_have_the_category_as_their_largest_number(self, key):
        surjection = perturb(b.Argmax((3,), 5, width=8, key=key), 3.0)
        x = jax.random.randint(key, (3, 2000), 0, 5).astype(jnp.float32)
        v, contribution = run(surjection, "_inverse_many", x, key)
        np.testing.assert_array_equal(run(surjection, "_forward_many", v)[0], x)
        assert np.all(np.isfinite(contribution))

    def test_the_ratio_integrates_to_the_probability(self, flow, monkeypatch):
        """`p(v) / q(v | x)` under q, on a grid of the noise, is P(x): the shares of samples, and 1 in sum."""
        axis = np.linspace(-8.0, 8.0, 241)
        noise = np.stack(np.meshgrid(axis, axis, indexing="ij")).reshape(1, 2, -1)
        weight = np.exp(-0.5 * np.sum(noise[0] ** 2, axis=0)) / (2 * np.pi) * (axis[1] - axis[0]) ** 2
        monkeypatch.setattr(jax.random, "normal", lambda key, shape, dtype: jnp.asarray(noise, dtype))
        log_prob = jax.jit(lambda f, x: f._log_prob_many(x, None, jax.random.key(0)))
        found = []
        for code in (0.0, 1.0):
            x = jnp.full((1, noise.shape[-1]), code)
            found.append(np.sum(weight * np.exp(log_prob(flow, x))))
        monkeypatch.undo()
        assert sum(found) == pytest.approx(1.0, abs=1e-3)
        share = float(jnp.mean(flow.sample(jax.random.key(1), 20_000)))
        assert found[1] == pytest.approx(share, abs=4 * 0.5 / np.sqrt(20_000))

    def test_in_the_mean_it_is_below_the_log_probability(self, flow, key):
        share = float(jnp.mean(flow.sample(key, 20_000)))
        bound = float(flow.log_prob(np.ones((20_000, 1)), key=key).mean())
        assert bound < np.log(share)

    def test_what_is_no_category_has_probability_zero(self, flow, key):
        np.testing.assert_array_equal(flow.log_prob(np.array([[0.5], [2.0], [-1.0]]), key=key), -np.inf)


@pytest.mark.parametrize(("build", "message"), [
    (lambda k: flows.modulo(2, num_categories=1, key=k), "`num_categories` must be at least 2, got 1"),
    (lambda k: flows.argmax(2, num_categories=1, key=k), "`num_categories` must be at least 2, got 1"),
    (lambda k: flows.modulo(2, temperature=0.0, key=k), "`temperature` must be positive"),
    (lambda k: flows.idf(2, unit=0.0, key=k), "`unit` must be positive"),
    (lambda k: b.ModuloCoupling(2, 3, split=2, key=k), "`split` must be at least 0 and below dim=2"),
    (lambda k: d.DiscretizedLogistic(0.0, -1.0), "must be positive"),
    (lambda k: d.DiscretizedLogistic(wide=1.0), "`wide` must be in"),
])  # fmt: skip
def test_bad_arguments_are_named(build, message, key):
    with pytest.raises(ValueError, match=message):
        build(key)


def test_a_saved_flow_gives_the_same_bits(key, tmp_path):
    flow = perturb(flows.modulo(3, num_categories=3, key=key, **SMALL), 1.0)
    pf.save(tmp_path / "model.safetensors", flow)
    x = flow.sample(key, 50)
    np.testing.assert_array_equal(pf.load(tmp_path / "model.safetensors").log_prob(x), flow.log_prob(x))
