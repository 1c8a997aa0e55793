"""Students and their teachers."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward import DataError, bijections, distributions, flows
from pushforward.distillation import student_report, turned_round
from pushforward.distillation._turned import layer_errors, pairs_of
from pushforward.nets import MADE

QUICK = {"max_epochs": 1, "steps_per_epoch": 3, "progress": False}


def gaussian(*more):
    affine = bijections.TriangularAffine(jnp.array([1.0, -2.0]), jnp.array([[2.0, 0.0], [0.7, 0.3]]))
    return distributions.Transformed(distributions.Normal.standard((2,)), bijections.Chain([affine, *more]))


def test_a_student_of_a_gaussian_starts_as_its_teacher(key):
    done = pf.distill(gaussian(), flows.iaf(2, num_layers=2, width=8, key=key), key=key, **QUICK, learning_rate=1e-9)
    assert abs(done.report.kl) < 1e-4
    assert abs(done.report.forward_kl) < 1e-4
    assert done.report.missed == 0.0
    assert done.report.doubt is None


def test_the_last_maps_of_a_teacher_become_the_students(key):
    done = pf.distill(
        gaussian(bijections.Sigmoid((2,))), flows.iaf(2, num_layers=1, width=8, key=key), key=key, **QUICK
    )
    draws = done.flow.sample(key, 1000)
    assert draws.min() > 0
    assert draws.max() < 1
    assert abs(done.report.kl) < 1e-4


def test_without_a_start_the_student_is_as_given(key):
    student = flows.iaf(2, num_layers=1, width=8, key=key)
    done = pf.distill(gaussian(), student, start=False, key=key, **QUICK)
    assert jax.tree.structure(done.flow) == jax.tree.structure(student)
    assert done.report.kl > 0.5


def test_the_report_is_right_for_two_normals():
    teacher, student = distributions.Normal(jnp.zeros(3), 2.0), distributions.Normal(jnp.ones(3), 1.0)
    report = student_report(teacher, student, num_samples=40_000, speed=False, key=0)
    # log(s_p / s_q) + (s_q^2 + m^2) / (2 s_p^2) - 1/2 for each of three
    assert report.kl == pytest.approx(3 * (np.log(2.0) + 2.0 / 8.0 - 0.5), abs=4 * report.kl_error)
    assert report.forward_kl == pytest.approx(3 * (-np.log(2.0) + 5.0 / 2.0 - 0.5), abs=4 * report.forward_error)
    assert report.teacher_entropy == pytest.approx(1.5 * np.log(2 * np.pi * np.e * 4.0), abs=0.03)
    assert report.teacher_score == pytest.approx(-1.5 * np.log(8 * np.pi) - 3 * 2.0 / 8.0, abs=0.03)
    assert report.kl_per_dim == report.kl / 3
    assert report.draws_a_second == (None, None)
    assert "nats" in str(report)
    assert "KL" in str(report)


def test_a_missed_mode_is_told():
    half = distributions.Mixture(
        [distributions.Normal(-20.0 * jnp.ones(1), 1.0), distributions.Normal(20.0 * jnp.ones(1), 1.0)]
    )
    one = distributions.Normal(20.0 * jnp.ones(1), 1.0)
    report = student_report(half, one, speed=False, key=0)
    assert report.kl == pytest.approx(np.log(2.0), abs=1e-4)  # the student's draws do not show it
    assert report.missed == pytest.approx(0.5, abs=0.02)
    assert "misses" in report.doubt
    assert "forward" in report.doubt


@pytest.mark.parametrize("name", ["maf", "nsf_ar", "made"])
def test_a_teacher_turned_round_can_equal_it(x64, key, name):
    options = {} if name == "made" else {"num_layers": 2}
    teacher = getattr(flows, name)(3, width=16, key=key, **options)
    student = turned_round(teacher, key=key)
    assert student.kinds == ("sequential", "analytic")
    # Before training both are the same elementwise maps: nothing is lost in turning.
    x = student.sample(key, 100)
    np.testing.assert_allclose(student.log_prob(x), teacher.log_prob(x), atol=1e-8)


def test_a_mixture_turns_the_parts_that_can_be_turned(x64, key):
    wide = distributions.Normal(jnp.zeros(3), 4.0)
    teacher = distributions.Mixture([flows.maf(3, num_layers=1, width=8, key=key), wide], [0.9, 0.1])
    student = turned_round(teacher, key=key)
    x = student.sample(key, 50)
    np.testing.assert_allclose(student.log_prob(x), teacher.log_prob(x), atol=1e-8)
    assert student.kinds[1] == "analytic"
    done = pf.distill(teacher, match_epochs=1, key=key, **QUICK)
    assert done.report.kl < 0.1
    with pytest.raises(ValueError, match="no `Autoregressive` layers"):
        turned_round(distributions.Mixture([wide, wide]), key=key)


def test_an_ensemble_in_front_of_a_background_is_turned_round(x64, key):
    one, other = (flows.maf(3, num_layers=1, width=8, key=k) for k in jax.random.split(key))
    wide = distributions.MultivariateNormal(jnp.zeros(3), 4.0 * jnp.eye(3))
    teacher = distributions.Mixture([distributions.Mixture([one, other]), wide], [0.9, 0.1])
    student = turned_round(teacher, key=key)
    ensemble, background = student.components
    assert isinstance(background, distributions.MultivariateNormal)
    assert [part.kinds for part in ensemble.components] == [("sequential", "analytic")] * 2
    assert len(pairs_of(teacher, student)) == 2


def test_layer_errors_are_those_of_the_noise(x64, key):
    """A layer of the student that shifts by 1 where the teacher, of scale 2, does not: half a unit of the noise."""
    teacher = bijections.Autoregressive(bijections.Affine(0.0, 2.0), 2, width=4, key=key)
    shifted = bijections.Autoregressive(bijections.Inverse(bijections.Affine(1.0, 2.0)), 2, width=4, key=key)
    z = jax.random.normal(key, (2, 50))
    x, error = layer_errors(teacher, bijections.Inverse(shifted), z, None)
    np.testing.assert_allclose(x, 2.0 * z, atol=1e-12)
    assert float(error) == pytest.approx(2 * np.log1p(0.25))


@pytest.mark.slow
def test_maf_teaches_its_layers_turned_round(key):
    x = pf.data.moons(4000)
    teacher = pf.fit(flows.maf(2, num_layers=4, width=64, key=key), x, max_epochs=20, progress=False, key=key).flow
    done = pf.distill(teacher, max_epochs=20, match_epochs=20, progress=False, key=key)
    assert done.report.kl_per_dim < 0.05
    assert done.report.missed < 0.02


def test_layers_turned_round_can_have_smaller_networks(key):
    teacher = flows.maf(2, num_layers=2, width=16, depth=2, key=key)
    done = pf.distill(teacher, width=8, depth=1, match_epochs=1, key=key, **QUICK)
    assert done.matching is not None
    parts = jax.tree.leaves(done.flow, is_leaf=lambda node: isinstance(node, MADE))
    assert [(net.width, len(net.weights)) for net in parts if isinstance(net, MADE)] == [(8, 2), (8, 2)]
    with pytest.raises(ValueError, match="build `student` so"):
        pf.distill(teacher, flows.iaf(2, width=8, key=key), width=8, key=key, **QUICK)
    with pytest.raises(ValueError, match="width"):
        turned_round(teacher, width=0, key=key)


def test_a_conditional_student_learns_each_condition(key):
    scale = bijections.Conditioned(bijections.Affine(jnp.zeros(1)), cond_dim=1, width=8, key=key)
    teacher = distributions.Transformed(distributions.Normal.standard((1,)), scale)
    condition = np.linspace(-1, 1, 50)[:, None]
    student = flows.iaf(1, num_layers=1, width=8, cond_dim=1, key=key)
    done = pf.distill(teacher, student, condition=condition, key=key, **QUICK)
    assert abs(done.report.kl) < 0.05
    with pytest.raises(ValueError, match="needs `condition`"):
        pf.distill(teacher, student, key=key, **QUICK)
    with pytest.raises(ValueError, match="takes no `condition`"):
        pf.distill(gaussian(), flows.iaf(2, width=8, key=key), condition=condition, key=key, **QUICK)


def test_rows_are_taken_in_place_of_draws(key):
    teacher = gaussian()
    x = np.asarray(teacher.sample(key, 200))
    done = pf.distill(teacher, flows.iaf(2, num_layers=1, width=8, key=key), data=x, forward=0.5, key=key, **QUICK)
    assert done.report.over == "the rows given"
    with pytest.raises(DataError, match="not finite"):
        pf.distill(teacher, flows.iaf(2, width=8, key=key), data=np.full((20, 2), np.nan), key=key, **QUICK)
    with pytest.raises(DataError, match="at least 10 rows"):
        pf.distill(teacher, flows.iaf(2, width=8, key=key), data=x[:3], key=key, **QUICK)


def test_an_estimator_is_a_teacher(key):
    x = np.random.default_rng(0).normal(size=(60, 2))
    density = pf.FlowDensity("gaussian", max_epochs=2, random_state=0, progress=False).fit(x)
    done = pf.distill(density, flows.iaf(2, num_layers=1, width=8, key=key), key=key, **QUICK)
    assert abs(done.report.kl) < 1e-3


def test_other_supports_are_refused(key):
    with pytest.raises(ValueError, match="on the real line"):
        pf.distill(gaussian(), gaussian(bijections.Sigmoid((2,))), key=key, **QUICK)


def test_who_cannot_be_turned_round_is_told_what_to_do(key):
    with pytest.raises(ValueError, match="Give `distill` a student"):
        pf.distill(flows.realnvp(2, num_layers=2, width=8, key=key), key=key, **QUICK)
    graph = flows.maf(2, num_layers=1, width=8, adjacency=((0, 0), (1, 0)), key=key)
    with pytest.raises(ValueError, match="follows a graph"):
        turned_round(graph, key=key)


def test_students_of_other_shapes_are_refused(key):
    with pytest.raises(ValueError, match=r"events of shape \(2,\), and the student of shape \(3,\)"):
        pf.distill(gaussian(), flows.iaf(3, width=8, key=key), key=key, **QUICK)


def test_the_summary_is_plain(key):
    report = student_report(gaussian(), gaussian(), speed=False, key=0)
    told = dataclasses.replace(report, pareto_k=-np.inf).summary()
    assert told["pareto_k"] is None
    assert told["draws_a_second"] == {"teacher": None, "student": None}
