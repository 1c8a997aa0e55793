"""WaveNet: the cached sampler against one pass a sample, what a sample sees, its laws, and its students."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import pushforward as pf
from pushforward._params import positive, positive_raw
from pushforward.bijections import ActNorm, Autoregressive, DeepSigmoidal, Inverse, fill
from pushforward.bijections.autoregressive._blocked import solve_by_passes
from pushforward.distillation._start import started
from pushforward.distributions._steps import draws_with_steps, has_steps, kl_of_steps, steps_at
from pushforward.testing import perturb

LENGTH = 40
SMALL = {"width": 4, "depth": 3}


def wavenet(key, **options):
    return perturb(pf.flows.wavenet(LENGTH, num_blocks=2, key=key, **SMALL, **options), 0.3)


def student(key, **options):
    return perturb(pf.flows.parallel_wavenet(LENGTH, num_flows=2, key=key, **SMALL, **options), 0.3)


@pytest.mark.parametrize("frames", ["repeat", "linear"])
@pytest.mark.parametrize(("cond_dim", "kernel"), [(None, 2), (3, 3), ((8, 2), 2)], ids=["plain", "label", "frames"])
def test_the_cached_sampler_gives_what_a_pass_a_sample_gives(cond_dim, kernel, frames, key):
    if frames == "linear" and not isinstance(cond_dim, tuple):
        pytest.skip("nothing to interpolate")
    layer = wavenet(key, cond_dim=cond_dim, kernel=kernel, frames=frames).bijection.bijections[0]
    z = jax.random.normal(key, (LENGTH, 3))
    condition = None if cond_dim is None else jax.random.normal(key, (*layer.cond_shape, 3))

    def step(raw, z):
        return fill(layer.inner, raw)._forward_pointwise(z)

    cached = jax.jit(lambda z: layer._forward_many(z, condition, None))(z)
    naive = jax.jit(lambda z: solve_by_passes(layer.net, step, z, condition))(z)
    for one, other in zip(cached, naive, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures("x64")
def test_no_sample_sees_a_later_one(key):
    flow = wavenet(key, cond_dim=(8, 2))
    x, condition = jax.random.normal(key, (LENGTH,)), jax.random.normal(key, (8, 2))
    jacobian = np.asarray(jax.jit(jax.jacrev(lambda x: flow.bijection.inverse(x, condition)))(x))
    assert (np.triu(jacobian, 1) == 0.0).all()
    lag = np.arange(LENGTH)[:, None] - np.arange(LENGTH)
    reach = flow.bijection.bijections[0].net.reach[0]
    # All but where the head's relu lets nothing through.
    assert (jacobian[(lag >= 0) & (lag <= reach)] != 0).mean() > 0.9
    assert (jacobian[lag == reach] != 0).any()
    assert (jacobian[lag > reach] == 0.0).all()


def test_a_step_remembers_no_more_than_its_reach(key):
    def sizes(length):
        net = jax.eval_shape(lambda k: pf.flows.wavenet(length, key=k, **SMALL), key).bijection.bijections[0].net
        memory = jax.eval_shape(lambda n: n.begin(1, None, jnp.float32), net)
        return sum(leaf.size for leaf in jax.tree.leaves(memory))

    assert sizes(50) == sizes(50_000)


@pytest.mark.usefixtures("x64")
def test_logistics_are_a_mixture_of_logistic_laws(key):
    flow = wavenet(key, emission="logistics", num_components=3)
    layer, norm = flow.bijection.bijections
    assert isinstance(layer, Autoregressive)
    assert isinstance(norm, ActNorm)
    x = np.asarray(jax.random.normal(key, (LENGTH,)))
    y = np.asarray(norm.inverse(x))
    filled = fill(layer.inner, layer.net(jnp.asarray(y)[:, None]))
    assert isinstance(filled, Inverse)
    assert isinstance(filled.bijection, DeepSigmoidal)
    # The distribution function of a sample given those before it, and its slope by differences of SciPy's laws.
    parts = [np.asarray(leaf)[..., 0] for leaf in jax.tree.leaves(filled.bijection)]
    assert all(part.shape == (3, LENGTH) for part in parts)
    step = 1e-5
    cdf = [
        stats.logistic.cdf(filled.bijection._forward_pointwise(jnp.asarray(y + d)[:, None])[0])[:, 0]
        for d in (-step, step)
    ]
    densities = (cdf[1] - cdf[0]) / (2 * step)
    wanted = np.log(densities).sum() + float(norm.inverse_and_log_det(x)[1])
    np.testing.assert_allclose(flow.log_prob(x), wanted, rtol=1e-6)


def test_logistics_come_back(key):
    flow = wavenet(key, emission="logistics", num_components=3)
    z = jax.random.normal(key, (LENGTH, 2))
    x = jax.jit(lambda f: f._forward_many(z, None, None)[0])(flow.bijection)
    back = jax.jit(lambda f: f._inverse_many(x, None, None)[0])(flow.bijection)
    np.testing.assert_allclose(back, z, atol=1e-4)


def test_an_unknown_emission_is_refused(key):
    with pytest.raises(ValueError, match="one of gaussian, logistics, got 'categorical'"):
        pf.flows.wavenet(LENGTH, emission="categorical", key=key)


@pytest.mark.usefixtures("x64")
def test_steps_are_those_of_the_density(key):
    """A student's and a teacher's means and scales give their log-densities, and the divergence its two laws."""
    teacher, pupil = wavenet(key, cond_dim=(8, 2)), student(jax.random.fold_in(key, 1), cond_dim=(8, 2))
    assert has_steps(teacher)
    assert has_steps(pupil)
    condition = jnp.broadcast_to(jax.random.normal(key, (8, 2))[..., None], (8, 2, 4))
    x, own = jax.jit(lambda f: draws_with_steps(f, key, 4, condition))(pupil)
    for flow, steps in ((pupil, own), (teacher, jax.jit(steps_at)(teacher, x, condition))):
        wanted = stats.norm.logpdf(x, steps.mean, np.exp(steps.log_scale)).sum(axis=0)
        found = jax.jit(lambda f: f._log_prob_many(x, condition, None))(flow)
        np.testing.assert_allclose(found, wanted, rtol=1e-8)


def test_the_divergence_of_a_student_from_itself_is_nothing(key):
    pupil = student(key)
    x, own = jax.jit(lambda f: draws_with_steps(f, key, 3, None))(pupil)
    np.testing.assert_allclose(kl_of_steps(own, jax.jit(steps_at)(pupil, x, None)), 0.0, atol=1e-4)


def test_a_student_learns_from_a_conditional_teacher(key):
    teacher = wavenet(key, cond_dim=2)
    pupil = pf.flows.parallel_wavenet(LENGTH, num_flows=2, cond_dim=2, key=key, **SMALL)
    conditions = np.eye(2, dtype=np.float32)
    options = {
        "condition": conditions,
        "start": False,
        "num_samples": 16,
        "report_samples": 64,
        "steps_per_epoch": 20,
        "progress": False,
    }
    done = pf.distill(teacher, pupil, gradient="steps", max_epochs=3, learning_rate=1e-2, key=key, **options)
    assert done.report.kl < 0.7 * float(_kl(teacher, pupil, conditions, key))


def test_a_student_hears_the_spectra_of_the_data(key):
    """Frames as conditions, data, and the loss on spectra beside the divergence, which alone is the metric."""
    teacher = wavenet(key, cond_dim=(8, 2))
    pupil = pf.flows.parallel_wavenet(LENGTH, num_flows=1, cond_dim=(8, 2), key=key, **SMALL)
    conditions = jax.random.normal(key, (20, 8, 2))
    batch = pf.objectives.Batch(teacher.sample(key, (), conditions), conditions)
    found = []
    for extra in (None, pf.objectives.spectral_loss):
        objective = pf.objectives.distillation(teacher, extra=extra)
        loss, metrics = jax.jit(lambda flow, o=objective: o(flow, batch, key=key))(pupil)
        found.append((float(loss), float(metrics["kl"])))
    assert found[0][0] == pytest.approx(found[0][1])
    assert found[1][1] == pytest.approx(found[0][1])
    draws = draws_with_steps(pupil, key, 20, jnp.moveaxis(conditions, 0, -1))[0].T
    assert found[1][0] - found[0][0] == pytest.approx(float(pf.objectives.spectral_loss(draws, batch)), rel=1e-3)


def _kl(teacher, pupil, conditions, key):
    condition = jnp.asarray(np.repeat(conditions, 50, axis=0).T)
    x, own = draws_with_steps(pupil, key, 100, condition)
    return jnp.mean(kl_of_steps(own, steps_at(teacher, x, condition)))


def test_one_scale_for_all_samples_starts_from_the_batch(key):
    x = 3.0 + 0.2 * jax.random.normal(key, (LENGTH, 100))
    begun, z = ActNorm((LENGTH,), joint=True)._data_init(x, None)
    assert begun.loc.shape == (1,)
    np.testing.assert_allclose(
        [float(begun.loc[0]), float(jnp.mean(z)), float(jnp.std(z))], [np.mean(x), 0, 1], atol=1e-4
    )
    other, _ = begun._data_init(10 * x, None)
    assert eqx.tree_equal(begun, other)


def test_a_long_student_starts_with_its_teacher_s_mean_and_spread(key):
    """Teacher and untrained student are noise, of which the divergence is 0 once mean and spread are equal."""
    teacher = pf.flows.wavenet(2048, key=key, **SMALL)
    norm = teacher.bijection.bijections[-1]
    values = (jnp.full((1,), 0.3), positive_raw(jnp.full((1,), 0.05)))
    norm = eqx.tree_at(lambda one: (one.loc, one.scale_raw), norm, values)
    teacher = eqx.tree_at(lambda flow: flow.bijection.bijections[-1], teacher, norm)
    pupil = started(pf.flows.parallel_wavenet(2048, key=key, **SMALL), teacher, None, key)
    found = pupil.bijection.bijections[-1]
    assert jax.tree.structure(pupil) == jax.tree.structure(pf.flows.parallel_wavenet(2048, key=key, **SMALL))
    np.testing.assert_allclose([found.loc[0], positive(found.scale_raw)[0][0]], [0.3, 0.05], rtol=1e-3)
    again = started(pupil, teacher, None, key)
    np.testing.assert_allclose(again.bijection.bijections[-1].scale_raw, found.scale_raw, rtol=1e-3)
