"""Where distributions live and what maps take: said rightly, checked when they are put together, -inf outside."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pushforward import bijections as b
from pushforward import distributions as d
from pushforward import flows
from pushforward.bijections import Chain
from pushforward.distributions import Normal, Transformed, Uniform
from pushforward.supports import (
    POSITIVE,
    REAL,
    Categories,
    Circle,
    Integers,
    Interval,
    OneHot,
    PartOf,
    Product,
    Sphere,
)

INTO = {
    "exp": (b.Exp(), Interval(0.0, 1.0), Interval(1.0, math.e)),
    "log": (b.Log(), Interval(1.0, math.e), Interval(0.0, 1.0)),
    "square": (b.Square(), Interval(2.0, 3.0), Interval(4.0, 9.0)),
    "power": (b.Power(-0.5), POSITIVE, POSITIVE),
    "power_of_a_part": (b.Power(-0.5), Interval(4.0), Interval(0.0, 0.5)),
    "sigmoid": (b.Sigmoid(low=-1.0, high=1.0), Interval(0.0), Interval(0.0, 1.0)),
    "logit": (b.Logit(), Interval(0.5, 1.0), Interval(0.0)),
    "tanh": (b.Tanh(), Interval(-math.inf, 0.0), Interval(-1.0, 0.0)),
    "softplus": (b.Softplus(), Interval(0.0), Interval(math.log(2.0))),
    "inverse": (b.Inverse(b.Softplus()), Interval(math.log(2.0)), Interval(0.0)),
    "standardize": (b.Standardize(1.0, 2.0), POSITIVE, Interval(1.0)),
    "standardize_back": (b.Inverse(b.Standardize(1.0, 2.0)), Interval(1.0, 5.0), Interval(0.0, 2.0)),
    "scale": (b.Scale(3.0), POSITIVE, POSITIVE),
    "trained": (b.Affine(1.0, 2.0), POSITIVE, PartOf(REAL)),
    "circle": (b.Standardize(180.0, 180.0 / math.pi), Circle(), Circle(0.0, 360.0)),
    "floor": (b.Dequantize(), Interval(-0.5, 2.5), Integers(-1, 2)),
    "floor_of_levels": (b.Dequantize(levels=4), Interval(1.0), Integers(1, 3)),
    "counted": (b.Standardize(5.0, 1.0), Integers(0), Integers(5)),
}


@pytest.mark.parametrize("name", INTO)
def test_a_part_of_the_domain_becomes_a_part_of_the_image(name):
    bijection, given, expected = INTO[name]
    found = Transformed(_On(given, ()), bijection).support
    assert type(found) is type(expected)
    if isinstance(expected, Interval | Circle):
        np.testing.assert_allclose([found.low, found.high], [expected.low, expected.high], rtol=1e-6, atol=1e-6)
    else:
        assert found == expected


class _On(d.AbstractDistribution):
    """A law that says where it lives, and no more."""

    said: object = eqx.field(static=True)
    event_shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape = None

    @property
    def support(self):
        return self.said

    def _log_prob_many(self, x, condition, key):
        return jnp.zeros(x.shape[-1])

    def _sample_many(self, key, n, condition, temperature):
        return jnp.zeros((*self.event_shape, n))


def test_supports_move_with_their_coordinates(key):
    mixed = b.Concatenate([b.Exp((1,)), b.Identity((1,)), b.Sigmoid((1,))])
    kinds = POSITIVE, REAL, Interval(0.0, 1.0)
    flow = Transformed(Normal.standard((3,)), Chain([mixed, b.Permute([2, 0, 1]), b.Reshape((3,), (3, 1))]))
    assert flow.support == Product((kinds[2], kinds[0], kinds[1]))
    assert Transformed(flow, b.Flip((3, 1))).support == Product((kinds[1], kinds[0], kinds[2]))
    layer = b.Coupling(b.RationalQuadraticSpline(4), 3, split=2, key=key, width=4)
    # What stays is still positive; the last coordinate, an interval, goes through a trained map.
    assert Transformed(Normal.standard((3,)), Chain([mixed, layer])).support == Product((POSITIVE, REAL, PartOf(REAL)))


WRONG = {
    "square_of_a_normal": (lambda k: Transformed(Normal.standard((2,)), b.Square((2,))), "Normal.*Square.*`Exp`"),
    "log_of_the_line": (lambda k: Chain([b.Affine(), b.Log()]), "Affine.*real line.*Log.*`Softplus`"),
    "logit_of_the_line": (lambda k: Transformed(Normal.standard(), b.Logit()), "Normal.*Logit.*`Sigmoid"),
    "one_coordinate": (
        lambda k: Transformed(Normal.standard((2,)), b.Concatenate([b.Square((1,)), b.Identity((1,))])),
        "Normal.*Square",
    ),
    "in_a_coupling": (lambda k: Transformed(Normal.standard((2,)), b.Coupling(b.Log(), 2, key=k)), "Normal.*Log"),
    "in_a_stack": (lambda k: b.Scan([b.Logit((2,)), b.Logit((2,))]), "Logit.*Logit"),
    "tanh_and_log": (lambda k: Chain([b.Tanh(), b.Log()]), "Tanh.*-1 to 1.*Log.*Logit"),
    "behind_a_permutation": (lambda k: Chain([b.LU(2), b.Permute([1, 0]), b.Log((2,))]), "Permute.*Log"),
    "angles_of_the_line": (lambda k: Transformed(Normal.standard(), b.CircularShift()), "Normal.*CircularShift"),
    "a_log_det_of_whole_numbers": (
        lambda k: Transformed(d.DiscretizedLogistic(), b.Scale(2.0)),
        "DiscretizedLogistic.*Scale.*RoundedShift",
    ),
    "no_one_hot": (lambda k: Transformed(Normal.standard((1, 3)), b.OneHotToCodes((1,), 3)), "OneHotCategorical"),
    "a_wide_box": (lambda k: Transformed(Uniform(-1.0, 1.0), b.Square()), "Uniform.*-1 to 1.*Square"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_refused_with_both_names_and_what_would_fit(name, key):
    build, words = WRONG[name]
    with pytest.raises(ValueError, match=words):
        build(key)


def test_the_same_is_refused_while_tracing(key):
    with pytest.raises(ValueError, match=r"Normal.*Square"):
        jax.jit(WRONG["square_of_a_normal"][0])(key)


FITS = {
    "exp_and_square": lambda: Chain([b.Exp(), b.Square()]),
    "a_scale_first": lambda: Chain([b.Scale(), b.Log()]),
    "fixed_numbers": lambda: Chain([b.Standardize(-1.0, 2.0), b.Log()]),
    "trained_numbers": lambda: Chain([b.Exp(), b.Affine(), b.Log()]),
    "an_interval_is_part_of_the_line": lambda: Chain([b.Sigmoid(), b.Exp()]),
    "an_interval_on_a_circle": lambda: Chain([b.Sigmoid(low=-3.0, high=3.0), b.CircularShift()]),
    "a_target": lambda: Transformed(d.Target(lambda x: -x, ()), b.Log()),
    "a_box_inside": lambda: Transformed(Uniform(1.0, 2.0), b.Square()),
    "whole_numbers_through_moves": lambda: Transformed(d.DiscretizedLogistic(jnp.zeros(2)), b.Flip((2,))),
}


@pytest.mark.parametrize("name", FITS)
def test_what_may_fit_is_let_through_traced_or_not(name):
    FITS[name]()
    jax.eval_shape(FITS[name])


def test_a_chain_takes_what_its_parts_take():
    assert Chain([b.Scale(), b.Log()]).domain == POSITIVE
    assert Chain([b.Standardize(-1.0, 2.0), b.Log()]).domain == Interval(0.5)
    assert Chain([b.Permute([1, 0]), b.Concatenate([b.Log((1,)), b.Identity((1,))])]).domain == Product(
        (REAL, POSITIVE)
    )
    assert Chain([b.Sigmoid(), b.Exp()]).image == Interval(1.0, math.e)


FLOWS = {
    "positive": lambda k: Transformed(Normal.standard((2,)), Chain([b.Exp((2,)), b.Standardize(jnp.ones(2), 2.0)])),
    "box": lambda k: Transformed(Normal.standard((2,)), b.Sigmoid((2,), -1.0, 2.0)),
    "tanh": lambda k: Transformed(Normal.standard((2,)), b.Tanh((2,))),
    "softplus": lambda k: Transformed(Normal.standard((2,)), b.Softplus((2,))),
    "spline_of_a_box": lambda k: Transformed(
        Uniform(-jnp.ones(2), jnp.ones(2)), b.IntervalSpline(4, bound=1.0, shape=(2,))
    ),
    "uniform": lambda k: Uniform(jnp.array([-1.0, 0.5]), jnp.array([1.0, 0.7])),
    "grey_values": lambda k: Transformed(Normal.standard((2, 2, 1)), b.to_levels((2, 2, 1), 4)),
    "logit_of_grey_values": lambda k: Transformed(Normal.standard((2, 2, 1)), b.to_levels((2, 2, 1), 4, alpha=0.05)),
    "even_grey_values": lambda k: Transformed(Normal.standard((2, 2, 1)), b.to_levels((2, 2, 1), 4, equalize=True)),
    "noisy": lambda k: Transformed(Normal.standard((2,)), b.GaussianDequantize((2,), 0.5, 4)),
    "bernoulli": lambda k: d.Autoregression(3, law="bernoulli", key=k, width=4, depth=1),
    "logistic": lambda k: d.DiscretizedLogistic.spread((2,), 2, unit=3.0),
    "one_hot": lambda k: d.OneHotCategorical(jnp.zeros((2, 3))),
    "codes": lambda k: flows.modulo(2, num_categories=3, num_layers=1, width=4, key=k),
    "categories": lambda k: d.CategoricalMADE((2, 3), width=4, depth=1, key=k),
    "circle": lambda k: flows.circular_nsf(2, num_layers=1, width=4, key=k),
    "sphere": lambda k: flows.sphere(3, num_layers=1, width=4, key=k),
    "degrees": lambda k: flows.sphere(2, num_layers=1, width=4, key=k),
    "product": lambda k: d.Product([Normal.standard((1,)), Uniform.standard((1,)), d.VonMises(jnp.zeros(1), 2.0)]),
    "mixture": lambda k: d.Mixture([Uniform.standard((1,)), Normal.standard((1,))]),
}
SAID = {
    "positive": Interval(1.0),
    "box": Interval(-1.0, 2.0),
    "grey_values": Integers(0, 3),
    "bernoulli": Integers(0, 1),
    "one_hot": OneHot(3),
    "codes": Categories(3),
    "categories": Product((Categories(2), Categories(3))),
    "circle": Circle(),
    "sphere": Sphere(),
    "degrees": Product((Interval(-90.0, 90.0), Circle(-180.0, 180.0))),
    "product": Product((REAL, Interval(0.0, 1.0), Circle())),
    "mixture": REAL,
}


@pytest.mark.parametrize("name", FLOWS)
def test_samples_lie_in_the_support(name, key):
    flow = FLOWS[name](key)
    if name in SAID:
        assert flow.support == SAID[name]
    assert np.all(flow.support.contains(flow.sample(key, 500), len(flow.event_shape)))


EVERYWHERE = ("circle", "sphere", "mixture")  # an angle of another turn names a point too, as a direction does


@pytest.mark.parametrize("name", [name for name in FLOWS if name not in EVERYWHERE])
@pytest.mark.parametrize("by_key", [False, True])
def test_outside_the_support_the_density_is_zero(name, by_key, key):
    flow = FLOWS[name](key)
    x = jnp.concatenate(
        [flow.sample(key, 4), -97.3 + jnp.zeros((1, *flow.event_shape)), jnp.full((1, *flow.event_shape), 0.37)]
    )
    x = x.at[0, ...].add(200.25)
    inside = np.asarray(flow.support.contains(x, len(flow.event_shape)))
    assert not inside.all()
    log_prob = np.asarray(flow.log_prob(x, key=key if by_key else None))
    assert np.all(log_prob[~inside] == -np.inf)
    assert np.all(np.isfinite(log_prob[inside]))


def test_square_on_a_positive_base_is_a_density():
    """What was refused integrates to 1 once something positive stands before it."""
    flow = Transformed(Normal.standard(), Chain([b.Softplus(), b.Square()]))
    t = np.linspace(-30.0, 8.0, 20_001)  # in log x
    log_prob = np.asarray(flow.log_prob(np.exp(t)))
    assert np.trapezoid(np.exp(log_prob + t), t) == pytest.approx(1.0, abs=1e-3)


def test_transformations_of_a_flow_ask_for_no_support():
    flow = Transformed(Normal.standard((2,)), Chain([b.Exp((2,)), b.Standardize(jnp.ones(2), 2.0)]))
    moved = jax.tree.map(lambda leaf: leaf + 1.0, flow)
    assert moved.support == Interval(2.0)
    assert eqx.tree_at(lambda f: f.bijection.bijections[1].loc, flow, jnp.array([3.0, 4.0])).support == Product(
        (Interval(3.0), Interval(4.0))
    )
    assert jax.vmap(lambda f: f.log_prob(jnp.full(2, 5.0)))(jax.tree.map(lambda leaf: leaf[None], flow)).shape == (1,)


@pytest.mark.parametrize(
    ("support", "inside", "outside"),
    [
        (POSITIVE, 1e-30, 0.0),
        (Interval(0.0, 1.0), 1.0, 1.1),
        (Interval(-math.inf, 2.0), -5.0, 2.0),
        (Circle(), 20.0, math.nan),
        (Integers(0, 3), 3.0, 4.0),
        (Integers(), -7.0, 0.5),
        (Categories(3), 2.0, 3.0),
        (PartOf(POSITIVE), 1.0, -1.0),
    ],
)
def test_a_support_says_what_it_contains(support, inside, outside):
    assert bool(support.contains(inside))
    assert not bool(support.contains(outside))
    assert not bool(support.contains(math.nan))


@pytest.mark.parametrize("build", [lambda: Interval(1.0, 1.0), lambda: Circle(2.0, 1.0), lambda: Circle(0.0, math.inf)])
def test_limits_in_the_wrong_order_are_refused(build):
    with pytest.raises(ValueError, match="`high` must be"):
        build()
