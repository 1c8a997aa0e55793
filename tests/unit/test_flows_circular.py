"""Circles, tori and spheres: what integrates to 1, what does not jump at the cut, and what comes back in range."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from cases import perturb
from pushforward import flows
from pushforward.bijections import Chain, CircularShift, CircularSpline, Coupling, CylinderToSphere, Mobius
from pushforward.distributions import CircularUniform, GivenAngles, Normal, Product, Transformed, Uniform, VonMises

SMALL = {"num_layers": 2, "num_bins": 4, "width": 8, "depth": 1}


def angles(count: int) -> np.ndarray:
    """The middles of equal arcs: on a circle the plain sum over them is the best rule."""
    return (np.arange(count) + 0.5) / count * 2 * np.pi - np.pi


def grid(*axes: np.ndarray) -> np.ndarray:
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))


def mobius_flow(dim, key):
    inner = Chain([Mobius(4), CircularShift()])
    return Transformed(CircularUniform((dim,)), Coupling(inner, dim, circular=True, width=8, depth=1, key=key))


TORUS = {
    "circular-nsf": lambda dim, key: flows.circular_nsf(dim, key=key, **SMALL),
    "circular-nsf-ar": lambda dim, key: flows.circular_nsf(dim, autoregressive=True, key=key, **SMALL),
    "mobius": mobius_flow,
}


@pytest.mark.parametrize(("name", "dim"), [("circular-nsf", 1), ("circular-nsf-ar", 2), ("mobius", 2)])
def test_densities_on_circle_and_torus_integrate_to_one(name, dim, key):
    flow = perturb(TORUS[name](dim, key), 0.5)
    axis = angles(4000 if dim == 1 else 250)
    log_prob = flow.log_prob(grid(*[axis] * dim))
    assert np.std(log_prob) > 0.05
    assert np.exp(log_prob).mean() * (2 * np.pi) ** dim == pytest.approx(1.0, abs=1e-3)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", ["circular-nsf", "mobius"])
def test_a_density_does_not_jump_at_the_cut(name, key):
    flow = perturb(TORUS[name](2, key), 0.5)
    others, step = angles(7), 1e-7
    for column in (0, 1):
        below, above = np.full((7, 2), np.pi - step), np.full((7, 2), -np.pi + step)
        below[:, 1 - column] = above[:, 1 - column] = others
        np.testing.assert_allclose(flow.log_prob(below), flow.log_prob(above), atol=1e-4)


def test_samples_lie_on_the_circle_and_follow_the_density(key):
    flow = perturb(flows.circular_nsf(1, key=key, **SMALL), 0.7)
    x = np.sort(np.asarray(flow.sample(key, 10_000))[:, 0])
    assert -np.pi <= x[0]
    assert x[-1] < np.pi
    axis = angles(4000)
    cdf = np.interp(x, axis, np.cumsum(np.exp(flow.log_prob(axis[:, None]))) * (2 * np.pi / 4000))
    assert np.max(np.abs(cdf - np.arange(1, 10_001) / 10_000)) < 2.23 / 100


def test_an_angle_may_be_given_in_any_turn(key):
    inner = perturb(Chain([CircularSpline(4), CircularShift(2.0), Mobius(3)]), 0.5)
    x = jnp.asarray(angles(9), jnp.float32)
    here = jax.jit(jax.vmap(inner.forward))(x)
    np.testing.assert_allclose(jax.jit(jax.vmap(inner.forward))(x + 4 * jnp.pi), here, atol=1e-4)
    assert np.all((here >= -np.pi) & (here < np.pi))


def test_densities_on_the_sphere_integrate_to_one_in_both_charts(key):
    vectors, degrees = (perturb(flows.sphere(dim, key=key, **SMALL), 0.5) for dim in (3, 2))
    edges = np.linspace(-1, 1, 401)
    middles = (edges[1:] + edges[:-1]) / 2
    h, turn = grid(middles, angles(300)).T
    radius = np.sqrt(1 - h * h)
    per_area = vectors.log_prob(np.stack([radius * np.cos(turn), radius * np.sin(turn), h], axis=1))
    assert np.std(per_area) > 0.05
    assert np.exp(per_area).mean() * 4 * np.pi == pytest.approx(1.0, abs=1e-3)
    per_degree = degrees.log_prob(np.degrees(np.stack([np.arcsin(h), turn], axis=1)))
    np.testing.assert_allclose(per_degree, per_area + np.log(radius) + 2 * np.log(np.pi / 180), atol=1e-3)
    on_plane = degrees.log_prob(grid(90 * middles, np.degrees(angles(300))))
    assert np.exp(on_plane).mean() * 180 * 360 == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_allclose(np.linalg.norm(vectors.sample(key, 500), axis=1), 1.0, atol=1e-6)


def test_the_cylinder_has_the_area_of_the_sphere(key):
    with jax.enable_x64(True):
        jacobian = jax.vmap(jax.jacfwd(CylinderToSphere().forward))(jnp.array([[0.3, 1.0], [-0.9, -2.0]]))
    np.testing.assert_allclose(np.linalg.det(np.einsum("nij,nik->njk", jacobian, jacobian)), 1.0, rtol=1e-12)


def test_the_density_of_the_poles_has_a_finite_gradient(key):
    flow = flows.sphere(3, key=key, **SMALL | {"num_layers": 1})
    poles = jnp.array([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])
    assert np.isfinite(jax.grad(lambda x: jnp.sum(flow.log_prob(x)))(poles)).all()


@pytest.mark.parametrize("concentration", [1e-6, 0.3, 5.0, 300.0, 1e6])
def test_von_mises_agrees_with_scipy(concentration, key):
    law = VonMises(2.5, concentration)
    x = np.asarray(law.sample(key, 4000), float)
    assert np.all((x >= -np.pi) & (x < np.pi))
    turned = (x - 2.5 + np.pi) % (2 * np.pi) - np.pi
    assert stats.kstest(turned, stats.vonmises(concentration).cdf).pvalue > 1e-3
    np.testing.assert_allclose(law.log_prob(x), stats.vonmises(concentration).logpdf(turned), atol=2e-3)


def test_von_mises_refuses_a_concentration_that_is_not_positive():
    with pytest.raises(ValueError, match="`concentration` must be positive"):
        VonMises(0.0, jnp.array([1.0, 0.0]))


def test_a_product_adds_up_and_keeps_the_order(key):
    product = Product([Normal(jnp.full(2, 3.0), 0.1), Uniform.standard((1,))])
    x = product.sample(key, 100)
    assert x.shape == (100, 3)
    assert np.all((x[:, 2] >= 0) & (x[:, 2] <= 1))
    np.testing.assert_allclose(product.log_prob(x), product.parts[0].log_prob(x[:, :2]), rtol=1e-5)


def test_others_given_angles_integrate_to_one_and_do_not_jump(key):
    keys = jax.random.split(key)
    joint = GivenAngles(
        flows.circular_nsf(1, key=keys[0], **SMALL),
        flows.maf(1, num_layers=2, width=8, depth=1, cond_dim=2, key=keys[1]),
    )
    joint = perturb(joint, 0.5)
    line = np.linspace(-12, 12, 401)
    log_prob = joint.log_prob(grid(angles(200), line))
    assert np.exp(log_prob).sum() * (2 * np.pi / 200) * (24 / 400) == pytest.approx(1.0, abs=1e-3)
    left, right = grid(np.array([-np.pi + 1e-6]), line[180:220]), grid(np.array([np.pi - 1e-6]), line[180:220])
    np.testing.assert_allclose(joint.log_prob(left), joint.log_prob(right), atol=1e-3)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda k: Mobius(0), "at least 1, got 0"),
        (lambda k: CircularSpline(1), "at least 2, got 1"),
        (lambda k: flows.sphere(4, key=k), r"3 \(unit vectors\) or 2"),
        (lambda k: Product([Normal(0.0)]), "must have one axis"),
        (lambda k: GivenAngles(CircularUniform((2,)), flows.affine(1, cond_dim=3, key=k)), r"on shape \(4,\)"),
    ],
)
def test_what_cannot_be_is_refused(build, message, key):
    with pytest.raises(ValueError, match=message):
        build(key)
