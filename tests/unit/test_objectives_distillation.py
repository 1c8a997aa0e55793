"""Learning from a teacher."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pushforward import bijections, distributions, flows
from pushforward.distributions._steps import draws_with_steps, has_steps, kl_of_steps, rows_with_steps, steps_at
from pushforward.objectives import Batch, distillation, nll, power_loss
from pushforward.train import fit

DIM = 3


def moved(flow, key):
    """The flow with all its trained numbers moved, so that no layer is the identity."""
    leaves, tree = jax.tree.flatten(flow)
    keys = jax.random.split(key, len(leaves))
    return jax.tree.unflatten(
        tree, [a + 0.2 * jax.random.normal(k, a.shape, a.dtype) for a, k in zip(leaves, keys, strict=True)]
    )


@pytest.fixture
def made(key):
    return moved(flows.made(DIM, width=12, key=key), key)


@pytest.fixture
def student(key):
    return moved(flows.iaf(DIM, num_layers=2, width=12, flip=False, key=key), jax.random.fold_in(key, 1))


def test_which_laws_have_steps(key, made, student):
    assert has_steps(made)
    assert has_steps(student)
    assert not has_steps(flows.iaf(DIM, num_layers=2, width=8, key=key))  # the order is reversed between layers
    assert not has_steps(flows.nsf_ar(DIM, num_layers=1, width=8, key=key))
    assert not has_steps(flows.made(DIM, num_orders=2, width=8, key=key))
    shuffled = bijections.Autoregressive(bijections.Affine(), DIM, width=8, order=[2, 0, 1], key=key)
    assert not has_steps(distributions.Transformed(distributions.Normal.standard((DIM,)), shuffled))


def test_steps_are_the_factors_of_the_density(x64, key, made, student):
    chain = bijections.Chain([
        bijections.TriangularAffine(jnp.arange(3.0), jnp.array([[2.0, 0, 0], [0.3, 0.5, 0], [-1.0, 0.2, 1.5]])),
        bijections.Autoregressive(bijections.TanhAffine(), DIM, width=8, key=key),
        bijections.Standardize(jnp.ones(DIM), 3.0),
    ])  # fmt: skip
    stacked = moved(distributions.Transformed(distributions.Normal(jnp.ones(DIM), 2.0), chain), key)
    for flow in (made, student, stacked):
        flow = jax.tree.map(lambda a: a.astype(jnp.float64), flow)
        x, drawn = draws_with_steps(flow, key, 50, None)
        found = steps_at(flow, x, None)
        np.testing.assert_allclose(found.mean, drawn.mean, atol=1e-9)
        np.testing.assert_allclose(found.log_scale, drawn.log_scale, atol=1e-9)
        factors = jax.scipy.stats.norm.logpdf(x, found.mean, jnp.exp(found.log_scale))
        np.testing.assert_allclose(jnp.sum(factors, axis=0), flow._log_prob_many(x, None, None), atol=1e-9)
        changed = steps_at(flow, x.at[1:].add(1.0), None)  # the first two coordinates see none of it
        np.testing.assert_allclose(changed.mean[:2], found.mean[:2], atol=1e-9)


def test_the_closed_form_is_the_monte_carlo_mean(x64, key, made, student):
    made, student = (jax.tree.map(lambda a: a.astype(jnp.float64), flow) for flow in (made, student))
    x, own = draws_with_steps(student, key, 40_000, None)
    closed = kl_of_steps(own, steps_at(made, x, None))
    drawn = student._log_prob_many(x, None, None) - made._log_prob_many(x, None, None)
    error = np.std(closed - drawn) / 200.0
    assert abs(float(np.mean(closed - drawn))) < 3 * error
    assert np.std(closed) < 0.7 * np.std(drawn)


def test_the_closed_form_of_the_forward_divergence_is_the_monte_carlo_mean(x64, key, made, student):
    made, student = (jax.tree.map(lambda a: a.astype(jnp.float64), flow) for flow in (made, student))
    x = made._sample_many(key, 40_000, None, None)
    back, own = rows_with_steps(student, x, None)
    np.testing.assert_allclose(back, x, atol=1e-9)
    closed = kl_of_steps(steps_at(made, back, None), own)
    drawn = made._log_prob_many(x, None, None) - student._log_prob_many(x, None, None)
    assert abs(float(np.mean(closed - drawn))) < 3 * np.std(closed - drawn) / 200.0
    assert np.std(closed) < 0.7 * np.std(drawn)


def test_forward_steps_teach_a_student_whose_density_is_slow(key, made):
    teacher = moved(flows.iaf(DIM, num_layers=1, width=12, flip=False, key=key), key)
    for law in (made, teacher):  # one with an analytic density, one without
        objective, rows = distillation(law, forward=1.0), Batch(law.sample(key, 64))
        loss, slope = jax.value_and_grad(lambda flow, o=objective, b=rows: o(flow, b, key=key)[0])(law)
        assert abs(float(loss)) < 1e-5
        assert max(float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(slope)) < 1e-3
    student = flows.iaf(DIM, num_layers=2, width=16, flip=False, key=key)
    trained = fit(
        student,
        lambda k, n: made.sample(k, n),
        objective=distillation(made, forward=1.0),
        batch_size=64, steps_per_epoch=150, max_epochs=2, validation=0, patience=None, progress=False, key=key,
    ).flow  # fmt: skip
    x = made.sample(jax.random.fold_in(key, 7), 2000)
    before, after = (float(jnp.mean(made.log_prob(x) - flow.log_prob(x))) for flow in (student, trained))
    assert after < 0.2 * before


def test_rows_that_no_noise_gives_leave_forward_steps_finite(key, made, student):
    rows = Batch(jnp.full((4, DIM), 1e6))
    loss, slope = jax.value_and_grad(lambda flow: distillation(made, forward=1.0)(flow, rows, key=key)[0])(student)
    assert np.isfinite(float(loss))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slope))


def test_an_iaf_scores_its_own_draws_as_the_slow_direction_does(x64, key):
    flow = jax.tree.map(lambda a: a.astype(jnp.float64), moved(flows.iaf(5, num_layers=3, width=16, key=key), key))
    x, cached = flow.sample_and_log_prob(key, 200)
    np.testing.assert_allclose(cached, flow.log_prob(x), rtol=0, atol=1e-10)


@pytest.mark.parametrize("gradient", ["steps", "path", "total"])
def test_every_gradient_has_the_mean_of_the_total_one(key, made, student, gradient):
    def mean_gradient(how):
        objective = distillation(made, num_samples=4000, gradient=how)
        return jax.grad(lambda flow: objective(flow, Batch(), key=key)[0])(student)

    right, found = (
        np.concatenate([np.ravel(a) for a in jax.tree.leaves(mean_gradient(h))]) for h in ("total", gradient)
    )
    assert np.linalg.norm(found - right) < 0.12 * np.linalg.norm(right)


@pytest.mark.parametrize("gradient", ["steps", "path"])
def test_where_the_student_is_its_teacher_nothing_moves(key, student, gradient):
    objective = distillation(student, num_samples=8, gradient=gradient)
    loss, slope = jax.value_and_grad(lambda flow: objective(flow, Batch(), key=key)[0])(student)
    assert abs(float(loss)) < 1e-5
    assert max(float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(slope)) < 1e-4


def test_forward_alone_in_closed_form_is_the_divergence_from_the_teacher(key, made, student):
    x = made.sample(key, 8000)
    loss, _ = distillation(made, forward=1.0)(student, Batch(x), key=key)
    each = made.log_prob(x) - student.log_prob(x)
    back = student.sample(key, 8000)
    other = float(jnp.mean(student.log_prob(back) - made.log_prob(back)))
    error = 4 * float(jnp.std(each)) / np.sqrt(8000)
    assert abs(float(loss) - float(jnp.mean(each))) < error
    assert abs(other - float(jnp.mean(each))) > 2 * error  # the other divergence is another number


def test_forward_alone_is_likelihood_less_the_teachers(key, made, student):
    x = made.sample(key, 64)
    loss, metrics = distillation(made, forward=1.0, gradient="total")(student, Batch(x), key=key)
    assert float(loss) == pytest.approx(
        float(nll(student, Batch(x), key=key)[0] + jnp.mean(made.log_prob(x))), abs=1e-4
    )
    assert float(metrics["kl"]) == 0.0


def test_a_mixture_is_the_weighted_sum(key, made, student):
    batch = Batch(made.sample(key, 64))
    loss = {
        w: float(distillation(made, forward=w, gradient="total")(student, batch, key=key)[0]) for w in (0.0, 0.25, 1.0)
    }
    assert loss[0.25] == pytest.approx(0.75 * loss[0.0] + 0.25 * loss[1.0], rel=1e-5)


def test_one_draw_for_each_condition(key):
    teacher = moved(flows.made(2, width=8, cond_dim=1, key=key), key)
    batch = Batch(condition=jnp.linspace(-1.0, 1.0, 32)[:, None])
    student = moved(flows.iaf(2, num_layers=1, width=8, flip=False, cond_dim=1, key=key), key)
    loss, _ = distillation(teacher, gradient="steps")(student, batch, key=key)
    drawn, _ = distillation(teacher, gradient="total")(student, batch, key=key)
    assert np.isfinite(float(loss))
    assert float(loss) > 0
    assert float(loss) == pytest.approx(float(drawn), abs=1.5)
    with pytest.raises(ValueError, match="the batch has no `condition`"):
        distillation(teacher)(student, Batch(), key=key)


def test_an_extra_loss_is_added(key, made, student):
    plain, _ = distillation(made, gradient="total")(student, Batch(), key=key)
    more, _ = distillation(made, gradient="total", extra=lambda x, batch: 2.0 + 0 * x[0, 0])(student, Batch(), key=key)
    assert float(more) == pytest.approx(float(plain) + 2.0, abs=1e-4)


def test_power_loss_is_that_of_the_gain(key):
    noise = jax.random.normal(key, (20, 128))
    # Twice the amplitude is four times the power at every frequency.
    assert float(power_loss(2.0 * noise, Batch(noise))) == pytest.approx(np.log(4.0) ** 2, rel=1e-3)
    assert float(power_loss(noise[:, :16], Batch(noise[:, :16]))) == 0.0
    assert np.isfinite(jax.grad(lambda x: power_loss(x, Batch(noise)))(jnp.zeros((2, 128)))).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"forward": 1.5}, "from 0 to 1"),
        ({"num_samples": 0}, "at least 1"),
        ({"gradient": "pth"}, "path"),
    ],
)
def test_wrong_options_are_refused(made, options, words):
    with pytest.raises(ValueError, match=words):
        distillation(made, **options)


def test_other_shapes_are_refused(key, made):
    with pytest.raises(ValueError, match=r"events of shape \(3,\), and the student of shape \(2,\)"):
        distillation(made)(flows.iaf(2, width=8, key=key), Batch(), key=key)
    with pytest.raises(ValueError, match="conditions of shape None"):
        distillation(made)(flows.iaf(3, width=8, cond_dim=1, key=key), Batch(), key=key)


def test_a_bound_is_no_teacher_of_draws(key):
    normal = distributions.Normal.standard((2,))
    teacher = distributions.Transformed(normal, bijections.Metropolis(normal))
    with pytest.raises(ValueError, match="Use forward=1"):
        distillation(teacher)
    for forward in (0.0, 1.0):
        objective = distillation(normal, gradient="steps", forward=forward)
        with pytest.raises(ValueError, match='Use "auto"'):
            objective(flows.iaf(2, width=8, key=key), Batch(jnp.zeros((4, 2))), key=key)
