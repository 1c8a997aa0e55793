"""Windows of series: densities, log-dets, the state carried, units, gaps."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov
from scipy.stats import multivariate_normal

import pushforward as pf
from pushforward.distributions._transformed import drawn_ahead

SMALL = {"width": 8, "depth": 1, "encoder_width": 8, "num_layers": 2, "lags": (1, 2, 3), "context": 4}
ENCODERS = ["gru", "lstm", "transformer"]


def build(key, dim=2, horizon=3, noise=0.3, **options):
    """A flow that is not at its start, so that every part of it matters."""
    flow = pf.flows.tempflow(dim, horizon=horizon, **(SMALL | options), key=key)
    trained, rest = pf.partition(flow)
    leaves, treedef = jax.tree.flatten(trained)
    keys = jax.random.split(key, len(leaves))
    moved = [leaf + noise * jax.random.normal(k, leaf.shape, leaf.dtype) for leaf, k in zip(leaves, keys, strict=True)]
    return eqx.combine(jax.tree.unflatten(treedef, moved), rest)


def given(flow, key, batch=()):
    """A condition of which nothing is missing."""
    condition = 1.0 + jax.random.normal(key, (*batch, *flow.cond_shape))
    size = flow.num_series
    return condition.at[..., size : 2 * size].set(0.0)


@pytest.mark.parametrize("scaling", ["mean", "steps", "none"])
@pytest.mark.parametrize("horizon", [1, 2])
def test_a_density_integrates_to_one(key, x64, scaling, horizon):
    flow = build(key, dim=1, horizon=horizon, scaling=scaling, emission="nsf", noise=0.1)
    condition = given(flow, key)
    draws = np.asarray(flow.sample(jax.random.key(1), 500, condition)).reshape(500, horizon)
    grid = [np.linspace(d.mean() - 7 * d.std(), d.mean() + 7 * d.std(), {1: 4001, 2: 241}[horizon]) for d in draws.T]
    points = np.stack(np.meshgrid(*grid, indexing="ij"), axis=-1)[..., None]
    density = np.exp(np.asarray(flow.log_prob(points, condition)))
    for axis in reversed(grid):
        density = np.trapezoid(density, axis, axis=-1)
    assert density == pytest.approx(1.0, abs=2e-3 if horizon == 2 else 2e-4)


def slow_window(flow, condition, noise):
    """A window from the noise of each step, where every step reads all that is before it anew."""
    x = jnp.zeros((*flow.event_shape, 1), noise.dtype)
    for t in range(flow.horizon):
        seen, scale = flow._seen(condition[..., None], x)
        states, inputs = flow._all_states(seen, scale)
        bent = 10.0 * jnp.arcsinh(inputs[t, :, 0] / 10.0)
        u = flow.emission.bijection.forward(noise[t], jnp.concatenate([states[t, :, 0], bent]))
        centre = flow._centres(seen.values)[t, :, 0]
        x = x.at[t, :, 0].set(centre + scale[:, 0] * (u + flow.linear @ inputs[t, :, 0]))
    return x[..., 0]


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize(("scaling", "emission", "dim"), [("mean", "maf", 3), ("steps", "nsf", 1)])
def test_log_det_is_that_of_autodiff(key, x64, encoder, scaling, emission, dim):
    flow = build(key, dim=dim, encoder=encoder, scaling=scaling, emission=emission, covariates=1)
    condition = given(flow, key)
    noise = jax.random.normal(jax.random.key(2), flow.event_shape)
    x = slow_window(flow, condition, noise)
    jacobian = jax.jacobian(lambda z: slow_window(flow, condition, z).ravel())(noise).reshape(noise.size, -1)
    base = jnp.sum(jax.vmap(flow.emission.base.log_prob)(noise))
    wanted = base - jnp.linalg.slogdet(jacobian)[1]
    assert float(flow.log_prob(x, condition)) == pytest.approx(float(wanted), abs=1e-9)


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("scaling", ["mean", "steps"])
def test_the_state_carried_along_gives_what_reading_all_gives(key, x64, encoder, scaling):
    flow = build(key, encoder=encoder, scaling=scaling, covariates=2)
    condition, draw = given(flow, key), jax.random.key(3)
    fast = flow._sample_many(draw, 1, condition[..., None], None)[..., 0]
    keys = jax.random.split(draw, flow.horizon)
    noise = jnp.stack([flow.emission.base._sample_many(jax.random.split(k)[1], 1, None, None)[:, 0] for k in keys])
    np.testing.assert_allclose(fast, slow_window(flow, condition, noise), atol=1e-10)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_step_sees_no_step_behind_it_and_not_its_own(key, encoder):
    flow = build(key, horizon=4, encoder=encoder)
    condition = given(flow, key)
    x = jax.random.normal(key, flow.event_shape)
    each = flow.step_log_prob(x, condition)
    moved = flow.step_log_prob(x.at[2].add(1.0), condition)
    assert np.array_equal(each[:2], moved[:2])
    assert not np.any(each[2:] == moved[2:])
    assert float(jnp.sum(each)) == pytest.approx(float(flow.log_prob(x, condition)), rel=1e-5)
    other = condition.at[flow.past :, : flow.num_series].add(5.0)
    assert np.array_equal(flow.step_log_prob(x, other), each)


@pytest.mark.parametrize(("scaling", "shift"), [("mean", 0.0), ("steps", 3.0)])
def test_other_units_move_the_density_by_their_log_det_alone(key, x64, scaling, shift):
    flow = build(key, scaling=scaling)
    condition, x = given(flow, key), jax.random.normal(key, flow.event_shape)
    units = jnp.array([10.0, 0.2])
    other = condition.at[:, :2].set(condition[:, :2] * units + shift)
    in_units = eqx.tree_at(lambda f: f.usual_scale, flow, flow.usual_scale * units)
    wanted = flow.log_prob(x, condition) - flow.horizon * jnp.sum(jnp.log(units))
    assert float(in_units.log_prob(x * units + shift, other)) == pytest.approx(float(wanted), abs=1e-9)


def test_the_scale_is_the_mean_of_what_is_there():
    values = jnp.array([[1.0], [-3.0], [50.0], [5.0]])[..., None]
    missing = jnp.array([[0.0], [0.0], [1.0], [0.0]])[..., None]
    from pushforward.distributions.series._units import scales

    assert float(scales("mean", values, missing)[0, 0]) == 3.0
    assert float(scales("steps", values, missing)[0, 0]) == 4.0
    assert float(scales("steps", values, jnp.ones_like(missing))[0, 0]) == 0.0


def test_items_whose_sizes_differ_by_powers_of_ten_have_each_their_own_unit(key):
    """A share of the mean scale, which a few large items decide, would be one unit for all small ones."""
    flow = build(key, scaling="steps")
    sizes = 10.0 ** jnp.linspace(-1, 4, 200)[:, None, None]
    past = jnp.cumsum(jax.random.normal(key, (200, *flow.cond_shape)), axis=1) * sizes
    condition = past.at[..., flow.num_series :].set(0.0)
    x = jax.random.normal(key, (200, *flow.event_shape)) * sizes
    started = flow._data_init(jnp.moveaxis(x, 0, -1), jnp.moveaxis(condition, 0, -1))
    assert isinstance(started, type(flow))
    _, scale = started._seen(jnp.moveaxis(condition, 0, -1))
    own = jnp.mean(jnp.abs(jnp.diff(condition[:, : flow.past, : flow.num_series], axis=1)), axis=1)
    below = np.asarray(1.001 * own < scale.T)
    assert 0 < below.mean() < 0.1
    still = condition.at[:, :, : flow.num_series].set(3.0)
    _, floor = started._seen(jnp.moveaxis(still, 0, -1))
    assert np.allclose(floor, started.least_scale[:, None])
    older = eqx.tree_at(lambda f: f.least_scale, started, None)
    _, floor = older._seen(jnp.moveaxis(still, 0, -1))
    assert np.allclose(floor, 0.01 * started.usual_scale[:, None])


def test_networks_see_large_inputs_by_their_logarithm_and_those_of_older_files_as_they_are(key):
    flow = build(key)
    inputs = jnp.array([[0.1], [-1e6]])
    np.testing.assert_allclose(flow._bent(inputs)[:, 0], [0.1, -10.0 * np.arcsinh(1e5)], rtol=1e-4)
    older = pf.flows.tempflow(2, horizon=3, bend=0.0, width=8, key=key)
    assert older._bent(inputs) is inputs
    with pytest.raises(ValueError, match=r"`bend` must be at least 0 and finite, got -1\.0"):
        build(key, bend=-1.0)


def test_a_step_with_a_gap_does_not_count_and_a_past_with_gaps_is_finite(key):
    flow = build(key, horizon=3, scaling="steps")
    condition, x = given(flow, key), jax.random.normal(key, flow.event_shape)
    gap = condition.at[flow.past + 1, flow.num_series].set(1.0)
    each = flow.step_log_prob(x, gap)
    assert each[1] == 0.0
    assert each[0] == flow.step_log_prob(x, condition)[0]
    empty = condition.at[: flow.past, flow.num_series : 2 * flow.num_series].set(1.0)
    assert np.isfinite(flow.log_prob(x, empty))
    gradient = jax.grad(lambda p: eqx.combine(p, pf.partition(flow)[1]).log_prob(x, empty))(pf.partition(flow)[0])
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_a_past_that_does_not_move_has_a_unit(key):
    flow = build(key, scaling="steps")
    condition = given(flow, key).at[: flow.past, : flow.num_series].set(2.0)
    assert np.isfinite(flow.log_prob(jnp.full(flow.event_shape, 2.0), condition))
    assert np.isfinite(flow.sample(key, 5, condition)).all()


def var_windows(matrix, noise, count, past, horizon, seed=0):
    """Windows of a VAR(1), apart from each other, and the entropy of a step."""
    rng = np.random.default_rng(seed)
    stationary = solve_discrete_lyapunov(matrix, noise)
    x = rng.multivariate_normal(np.zeros(len(matrix)), stationary, count)
    steps = [x]
    for _ in range(past + horizon - 1):
        x = x @ matrix.T + rng.multivariate_normal(np.zeros(len(matrix)), noise, count)
        steps.append(x)
    return np.stack(steps, axis=1), multivariate_normal(cov=noise).entropy()


def test_the_start_is_a_linear_forecast(key):
    """Of a VAR(1) with noise that series share the start misses the entropy by what a regression misses."""
    matrix, noise = np.array([[0.5, 0.3], [-0.2, 0.6]]), np.array([[1.0, 0.45], [0.45, 0.25]])
    flow = pf.flows.tempflow(2, horizon=3, scaling="none", **SMALL, key=key)
    windows, entropy = var_windows(matrix, noise, 20_000, flow.past, 3)
    condition = np.concatenate([windows, np.zeros_like(windows)], axis=-1).astype(np.float32)
    x = windows[:, flow.past :].astype(np.float32)
    started = flow._data_init(jnp.moveaxis(jnp.asarray(x), 0, -1), jnp.moveaxis(jnp.asarray(condition), 0, -1))
    np.testing.assert_allclose(started.linear[:, :2], matrix, atol=0.05)
    each = np.asarray(started.step_log_prob(x, condition))
    assert -each.mean() == pytest.approx(entropy, abs=4 * each.std() / np.sqrt(each.size) + 0.01)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_reading_in_two_goes_is_reading_in_one(key, x64, encoder):
    nets = {"gru": pf.nets.GRU, "lstm": pf.nets.LSTM}
    net = pf.nets.Attentive(3, 7, width=8, key=key) if encoder == "transformer" else nets[encoder](3, width=8, key=key)
    x = jax.random.normal(key, (7, 3, 5))
    whole, _ = net.read(x, net.empty(5, x.dtype))
    first, state = net.read(x[:4], net.empty(5, x.dtype))
    rest, _ = net.read(x[4:], state)
    np.testing.assert_allclose(whole, jnp.concatenate([first, rest]), atol=1e-12)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_draws_of_one_past_read_it_once_and_are_those_of_several_pasts(key, x64, encoder):
    flow = build(key, encoder=encoder, encoder_depth=2)
    one, other = given(flow, key, (2,))
    early = one.at[flow.past - flow.context, 0].add(0.5)  # of which only the first step that is read differs

    def drawn(*pasts):
        return flow._sample_many(key, 3, jnp.stack(pasts, axis=-1), None)

    gap = one.at[flow.past - 2, flow.num_series].set(1.0)  # the same values, one of which is missing
    for last in (other, early, gap):
        mixed = drawn(one, one, last)
        np.testing.assert_allclose(drawn(one, one, one)[..., :2], mixed[..., :2], rtol=1e-10)
        np.testing.assert_allclose(drawn(last, last, last)[..., 2], mixed[..., 2], rtol=1e-10)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_draw_has_derivatives_by_its_own_past_alone_also_where_pasts_are_equal(key, x64, encoder):
    flow = build(key, encoder=encoder)
    one = given(flow, key)
    step = 1e-6 * jax.random.normal(key, one.shape)

    def second(pasts):
        return jnp.sum(flow.sample(key, (), pasts)[1])

    by_first, by_second = jax.grad(second)(jnp.stack([one, one]))
    np.testing.assert_array_equal(by_first, 0.0)
    ends = [second(jnp.stack([one, one + sign * step])) for sign in (1, -1)]
    np.testing.assert_allclose(jnp.sum(by_second * step), 0.5 * (ends[0] - ends[1]), rtol=1e-5)


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("draws", [0, 1])
def test_none_or_one_draw_is_drawn(key, encoder, draws):
    flow = build(key, encoder=encoder)
    assert flow.sample(key, draws, given(flow, key)).shape == (draws, *flow.event_shape)


@pytest.mark.parametrize("temperature", [None, 0.5])
@pytest.mark.parametrize("emission", ["maf", "mixture"])
def test_noise_that_is_drawn_ahead_is_that_of_each_step(key, x64, emission, temperature):
    flow = build(key, emission="maf").emission
    if emission == "mixture":
        flow = pf.distributions.Mixture([flow, flow])
    keys, seen = jax.random.split(key, 3), jax.random.normal(key, (3, *flow.cond_shape, 5))
    chance, emit = drawn_ahead(flow, keys, 5, temperature)
    ahead = jax.lax.map(lambda now: emit(*now), (chance, seen))
    for t in range(3):
        assert np.allclose(ahead[t], flow._sample_many(keys[t], 5, seen[t], temperature), rtol=0, atol=1e-12)


def test_a_gru_is_its_formula(key, x64):
    net = pf.nets.GRU(2, width=3, depth=1, key=key)
    net = eqx.tree_at(lambda n: n.late, net, (jnp.array([0.1, 0.2, 0.3]),))
    x = np.asarray(jax.random.normal(key, (2, 2)))
    inner, carried, late = (np.asarray(each[0]) for each in (net.inner, net.carried, net.late))
    h = np.zeros(3)
    for step in x:
        a, b = inner @ step, carried @ h
        r, u = 1 / (1 + np.exp(-(a + b)[:3])), 1 / (1 + np.exp(-(a + b)[3:6]))
        h = u * h + (1 - u) * np.tanh(a[6:] + r * (b[6:] + late))
    np.testing.assert_allclose(net.read(jnp.asarray(x)[..., None], net.empty(1, x.dtype))[0][-1, :, 0], h, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"horizon": 0}, "`horizon` must be at least 1"),
        ({"lags": ()}, "`lags` must be different whole numbers"),
        ({"lags": (1, 1)}, "`lags` must be different whole numbers"),
        ({"covariates": -1}, "`covariates` must be at least 0"),
        ({"scaling": "steps "}, "unknown scaling 'steps '; did you mean 'steps'"),
        ({"encoder": "grru"}, "unknown encoder 'grru'; did you mean 'gru'"),
        ({"emission": "mav"}, "unknown emission 'mav'; did you mean 'maf'"),
        ({"encoder": "transformer", "num_heads": 3}, "`num_heads` must divide"),
    ],
)
def test_what_cannot_be_is_refused_in_words(key, options, said):
    with pytest.raises(ValueError, match=said):
        pf.flows.tempflow(2, **options, key=key)


def test_a_window_is_saved_and_loaded(key, tmp_path):
    flow = build(key, encoder="transformer", covariates=1)
    condition = given(flow, key)
    pf.save(tmp_path / "flow.safetensors", flow)
    loaded = pf.load(tmp_path / "flow.safetensors")
    drawn = (f.sample(key, 2, condition) for f in (flow, loaded))
    assert np.array_equal(*drawn)
