"""Flows in continuous time: what the solver promises, estimates in the mean, and how it fails."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from cases import perturb
from pushforward._errors import PushforwardError
from pushforward.bijections import Continuous
from pushforward.diagnostics import solver_report
from pushforward.distributions import Normal, Transformed


def layer(key, tolerance=1e-7, **options):
    make = jax.jit(
        lambda k: Continuous(2, width=8, depth=1, rtol=tolerance, atol=tolerance, solver="dopri5", key=k, **options)
    )
    return perturb(make(key), 1.0)


@pytest.mark.usefixtures("x64")
def test_round_trips_and_log_dets_hold_to_the_tolerance_and_follow_it(key):
    x = jax.random.normal(key, (2, 5))
    worst = []
    for tolerance in (1e-7, 1e-10):
        case = layer(key, tolerance)

        @jax.jit
        def facts(case, x):
            y, log_det = case._forward_many(x, None, None)
            back, log_det_back = case._inverse_many(y, None, None)
            return y, log_det, back, log_det_back

        y, log_det, back, log_det_back = facts(case, x)
        assert abs(log_det).max() > 0.3
        np.testing.assert_array_equal(log_det, -log_det_back)  # a sample's density is the one that `log_prob` gives
        jacobian = jax.jit(lambda c, e: jax.jacrev(lambda v: c._inverse(v, None, None)[0])(e))(case, y[:, 0])
        error = abs(np.linalg.slogdet(jacobian)[1] - log_det_back[0])
        worst.append(max(float(abs(back - x).max()), float(error)))
    assert worst[0] < 1e-5
    assert worst[1] < worst[0] / 30


@pytest.mark.usefixtures("x64")
def test_the_mean_of_estimates_is_exact(key):
    """Through the rates alone: the solver adds the same numbers, each noise by itself."""
    from pushforward.bijections.continuous._continuous import _COSTS, _with_trace

    case, x = layer(key), 0.3 * jnp.ones((2, 10_000))
    noise = jax.random.rademacher(key, x.shape, x.dtype)

    @jax.jit
    def rates(case):
        estimate = _COSTS[False]((case.velocity, None, noise), jnp.asarray(0.3), x)[1]
        exact = _with_trace((case.velocity, None, None), jnp.asarray(0.3), x[:, :1])[1]
        return estimate, exact[0, 0], jax.jacfwd(lambda v: case.velocity(0.3, v[:, None])[:, 0])(x[:, 0])

    (trace, _, norm), exact, jacobian = rates(case)
    assert exact == pytest.approx(np.trace(jacobian), abs=1e-12)
    for draws, wanted in ((trace, np.trace(jacobian)), (norm, np.sum(jacobian**2))):
        assert draws.std() > 1e-3
        assert abs(draws.mean() - wanted) < 4 * draws.std() / 100


def test_noise_is_one_vector_for_a_solve_and_a_key_draws_it(key):
    case, x = layer(key, 1e-5), jnp.ones((2, 400))
    run = jax.jit(lambda c, k: c._inverse_many(x, None, k)[1])
    estimate, again = run(case, key), run(case, key)
    np.testing.assert_array_equal(estimate, again)
    exact = case.solution(x[:, :1]).sums[0]
    assert 0 < abs(estimate.mean() - exact[0]) < 5 * estimate.std() / 20


def test_far_and_broken_inputs_do_not_spoil_the_others(key):
    case = perturb(layer(key, 1e-5), 1.0)
    x = jnp.array([[0.3, 1e4, jnp.nan, -1e4], [0.1, -1e4, 0.0, jnp.inf]])

    @jax.jit
    def both(case, x):
        def total(case, x):
            z, log_det = case._inverse_many(x, None, key)
            return jnp.sum(jnp.where(jnp.isfinite(z[0]), log_det - 0.5 * jnp.sum(z * z, axis=0), 0.0)), z

        return jax.grad(total, argnums=(0, 1), has_aux=True)(case, x)

    (by_weights, by_x), z = both(case, x)
    np.testing.assert_array_equal(np.isnan(z).any(axis=0), [False, False, True, True])
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves((by_weights, by_x)))


def test_density_integrates_to_one(key):
    flow = Transformed(Normal.standard((2,)), layer(key, 1e-5))
    axis = np.linspace(-8, 8, 161)
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    assert np.exp(flow.log_prob(points)).sum() * 0.1**2 == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("name", ["ffjord", "flow-matching"])
def test_of_no_events_there_are_no_densities_and_no_draws(name, key):
    flow = pf.flows.RECIPES[name].build(2, width=8, depth=1, key=key)
    assert flow.log_prob(np.zeros((0, 2))).shape == (0,)
    assert flow.sample(key, 0).shape == (0, 2)
    assert [part.shape for part in flow.sample_and_log_prob(key, 0)] == [(0, 2), (0,)]


def test_a_solver_out_of_steps_says_what_to_change(key):
    flow = Transformed(Normal.standard((2,)), layer(key, 1e-7, max_steps=1))
    for call in (
        lambda: flow.bijection.inverse(jnp.ones(2)),
        lambda: flow.log_prob(jnp.ones((4, 2))),
    ):
        with pytest.raises(PushforwardError, match=r"max_steps=1 steps at rtol=1e-07(?s:.*)max_steps=10.*rtol=1e-06"):
            call()
    assert not solver_report(flow, np.ones((4, 2)))[0].finished


def test_the_report_counts_and_measures(key):
    flow = Transformed(Normal.standard((2,)), layer(key, 1e-4))
    (report,) = solver_report(flow, np.ones((4, 2)))
    assert report.finished
    assert report.evaluations == 1 + 6 * (report.steps + report.rejected)
    assert 0 < report.log_det_error < 1e-2
    with pytest.raises(PushforwardError, match="no `Continuous` layer"):
        solver_report(pf.flows.affine(2, key=key), np.ones((4, 2)))


def test_a_saved_flow_gives_the_same_bits(key, tmp_path):
    flow = Transformed(Normal.standard((2,)), layer(key, 1e-5))
    pf.save(tmp_path / "flow.safetensors", flow)
    again = pf.load(tmp_path / "flow.safetensors")
    assert again.bijection.settings == flow.bijection.settings
    np.testing.assert_array_equal(flow.log_prob(np.ones((4, 2))), again.log_prob(np.ones((4, 2))))


def test_bad_options_say_what_is_legal(key):
    with pytest.raises(ValueError, match="did you mean 'hutchinson'"):
        Continuous(2, trace="hutchison", key=key)
    with pytest.raises(ValueError, match="did you mean 'dopri"):
        Continuous(2, solver="dopri6", key=key)
    with pytest.raises(ValueError, match="tolerances must be between 0 and 1"):
        Continuous(2, rtol=0.0, key=key)
