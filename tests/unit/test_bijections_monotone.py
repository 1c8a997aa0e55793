"""Monotone maps and their root-finder: onto the line, shared weights, and an error where there is no root."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cases import perturb
from pushforward import bijections as b
from pushforward import flows
from pushforward._errors import PushforwardError
from pushforward._roots import solve_increasing
from pushforward.bijections.elementwise._quadrature import _clenshaw_curtis
from pushforward.distributions import Mixture, Normal, Transformed


class HalfOpen(b.AbstractElementwise):
    """`Sigmoid`, which says nothing of where its numbers lie: what a class of a user's may do."""

    shape: tuple[int, ...] = eqx.field(static=True, default=())
    forward_kind: ClassVar[str] = "analytic"
    inverse_kind: ClassVar[str] = "analytic"

    def _forward_pointwise(self, x):
        return b.Sigmoid(self.shape)._forward_pointwise(x)

    def _inverse_pointwise(self, x):
        return b.Sigmoid(self.shape)._inverse_pointwise(x)


NOT_ONTO = b.NumericalInverse(HalfOpen((2,)))


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("make", [b.DeepSigmoidal, b.SumOfSquares, b.Bernstein])
def test_a_map_is_onto_the_line(make):
    """Targets far beyond the data have a root: the usual fixed bracket would miss it."""
    target = jnp.array([-1e6, -1e3, -11.0, 0.0, 11.0, 1e3, 1e6])
    layer = perturb(make(shape=(7,)), 1.0)
    np.testing.assert_allclose(layer.forward(layer.inverse(target)), target, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("slope", [1e-5, 1.0, 1e5])
def test_a_root_is_found_whatever_the_slope(slope):
    target = jnp.array([-3e4, -1.0, 0.0, 1e-3, 2e4])
    root = jax.jit(lambda t: solve_increasing(lambda x: slope * x + jnp.tanh(x), t, t))(target)
    np.testing.assert_allclose(slope * root + jnp.tanh(root), target, rtol=1e-5, atol=1e-6 * max(slope, 1.0))


def test_a_point_without_a_root_is_named():
    with pytest.raises(
        PushforwardError, match=r"NumericalInverse\.inverse: no root .*\[0\.5, 3\. \], missed by 2"
    ) as e:
        NOT_ONTO.inverse(jnp.array([0.5, 3.0]))
    assert "float64" in e.value.hint


def test_the_worst_of_the_rows_without_a_root_is_named():
    flow = Transformed(Normal.standard((2,)), NOT_ONTO)
    rows = jnp.array([[0.5, 0.2], [0.5, 1.5], [4.0, 0.3], [0.1, 0.1]])
    with pytest.raises(PushforwardError, match=r"log_prob: no root .* 2 of 4 point.*worst is point 2, \[4\. , 0\.3\]"):
        flow.log_prob(rows)


def test_the_worst_draw_without_a_root_is_named(key):
    flow = Transformed(Normal.standard((2,)), b.Inverse(NOT_ONTO))
    with pytest.raises(PushforwardError, match=r"sample: no root .* of 50 point"):
        flow.sample(key, 50)


def test_a_mixture_names_the_point_that_one_of_its_flows_has_no_root_for(key):
    there, back = (Transformed(Normal.standard((2,)), layer) for layer in (NOT_ONTO, b.Inverse(NOT_ONTO)))
    mixture = Mixture([Normal.standard((2,)), there])
    assert mixture.kinds == ("iterative", "analytic")
    with pytest.raises(PushforwardError, match=r"log_prob: no root .* 1 of 2 point.*worst is point 1, \[4\. , 0\.3\]"):
        mixture.log_prob(jnp.array([[0.5, 0.2], [4.0, 0.3]]))
    with pytest.raises(PushforwardError, match=r"sample: no root .* of 50 point"):
        Mixture([Normal.standard((2,)), back]).sample(key, 50)


def test_a_flow_on_top_of_a_flow_names_the_point_of_the_lower_one():
    flow = Transformed(Transformed(Normal.standard((2,)), NOT_ONTO), b.Shift(jnp.ones(2)))
    assert flow.kinds == ("iterative", "analytic")
    with pytest.raises(PushforwardError, match=r"worst is point 1, \[4\. , 0\.3\]"):
        flow.log_prob(jnp.array([[1.5, 1.2], [5.0, 1.3]]))


def test_without_a_root_compiled_code_gives_nan_there_alone():
    value = jax.jit(NOT_ONTO.inverse)(jnp.array([0.5, 3.0]))
    np.testing.assert_allclose(value, [0.0, np.nan], atol=1e-6)


def test_a_number_that_is_not_given_is_not_called_unsolved():
    assert np.isnan(NOT_ONTO.inverse(jnp.array([0.5, np.nan]))[1])


def test_shared_weights_are_not_predicted(key):
    """A conditioner predicts the embedding, the shift and the scale, not the weights of the integrand."""
    assert b.count_raw(b.MonotoneNetwork(4, width=8, depth=2, key=key)) == 4 + 2
    assert b.count_raw(b.DenseSigmoidal(5)) == 7 * 5


def test_more_nodes_make_the_quadrature_finer(key):
    """The trapezoid rule: half the distance, a quarter of the error."""
    errors = []
    for num_nodes in (9, 17, 33):
        layer = b.MonotoneNetwork(4, width=8, depth=2, num_nodes=num_nodes, shape=(50,), key=key)
        errors.append(np.max(perturb(layer, 0.4).quadrature_error(jnp.linspace(-5.0, 5.0, 50))))
    assert errors[2] < errors[1] / 3 < errors[0] / 6


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("size", [0.4, 3.0, 30.0])
def test_an_integrated_network_increases_whatever_its_weights(size, key):
    """Quadrature from 0 to each point does not, at weights moved by 3; its log-det does not tell."""
    layer = perturb(b.MonotoneNetwork(4, width=8, depth=2, key=key), size)
    x = jnp.linspace(-7.0, 7.0, 5000)
    y, log_det = jax.jit(jax.vmap(layer.forward_and_log_det))(x)
    assert np.all(np.diff(y) > 0)
    slope = jax.jit(jax.vmap(jax.grad(layer.forward)))(x)
    np.testing.assert_allclose(log_det, np.log(slope), atol=1e-9)
    back, log_det_back = jax.jit(jax.vmap(layer.inverse_and_log_det))(y)
    np.testing.assert_allclose(back, x, atol=1e-8)
    np.testing.assert_allclose(log_det_back, -log_det, atol=1e-6)


@pytest.mark.usefixtures("x64")
def test_clenshaw_curtis_quadrature_is_exact_for_polynomials_and_converges_faster_than_any_power(key):
    for count in (3, 9, 17):
        places, weights = _clenshaw_curtis(count)
        for power in range(count):
            assert weights @ places**power == pytest.approx(1.0 / (power + 1), rel=1e-13)
    errors = []
    for num_nodes in (9, 17, 33):
        layer = b.ClenshawCurtisNetwork(4, width=8, depth=2, num_nodes=num_nodes, shape=(50,), key=key)
        errors.append(np.max(perturb(layer, 0.4).quadrature_error(jnp.linspace(-5.0, 5.0, 50))))
    assert errors[2] < errors[1] / 100 < errors[0] / 1000


def test_umnn_by_either_quadrature_is_nearly_the_same_density(x64, key):
    options = {"num_layers": 2, "width": 8, "integrand_width": 8, "key": key}
    grid = perturb(flows.umnn(2, num_nodes=257, **options), 0.3)
    paper = perturb(flows.umnn(2, num_nodes=65, quadrature="clenshaw-curtis", **options), 0.3)
    x = 2.0 * jax.random.normal(key, (50, 2))
    np.testing.assert_allclose(paper.log_prob(x), grid.log_prob(x), atol=1e-3)
    drawn, log_prob = paper.sample_and_log_prob(key, 5)
    np.testing.assert_allclose(paper.log_prob(drawn), log_prob, atol=1e-9)


def test_block_network_integrates_to_one(key):
    flow = perturb(flows.bnaf(2, num_layers=2, width=4, key=key), 0.5)
    axis = np.linspace(-60.0, 60.0, 1201)
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    assert np.exp(flow.log_prob(points)).sum() * 0.1**2 == pytest.approx(1.0, abs=1e-3)


def test_block_network_is_onto_without_the_help_of_its_gate(key):
    """With the gate shut on the input only the leak reaches this far; a plain tanh would have no root."""
    network = perturb(b.BlockAutoregressive(2, width=4, key=key), 0.5)
    network = eqx.tree_at(lambda n: n.gate, network, jnp.asarray(20.0))
    target = jnp.array([30.0, -30.0])
    np.testing.assert_allclose(network.forward(network.inverse(target)), target, rtol=1e-4)


def test_block_network_is_autoregressive(key):
    network = perturb(b.BlockAutoregressive(4, width=3, key=key), 1.0)
    jacobian = jax.jacrev(network.forward)(jnp.arange(4.0))
    np.testing.assert_array_equal(np.triu(jacobian, 1), 0.0)
    assert np.all(np.abs(np.tril(jacobian, -1)[np.tril_indices(4, -1)]) > 0)


def test_an_unknown_variant_is_refused(key):
    with pytest.raises(ValueError, match="did you mean 'ddsf'"):
        flows.naf(2, variant="ddfs", key=key)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda k: b.DeepSigmoidal(0), "num_units"),
        (lambda k: b.DeepSigmoidal(3, centres=[0.0]), "3 `centres`"),
        (lambda k: b.DenseSigmoidal(4, num_layers=1), "num_layers"),
        (lambda k: b.SumOfSquares(0), "num_squares"),
        (lambda k: b.Bernstein(4, bound=0.0), "bound"),
        (lambda k: b.MonotoneNetwork(num_nodes=8, key=k), "num_nodes"),
        (lambda k: b.ClenshawCurtisNetwork(bound=float("inf"), key=k), "positive and finite"),
        (lambda k: flows.umnn(2, quadrature="clenshaw", key=k), "did you mean 'clenshaw-curtis'"),
        (lambda k: b.BlockAutoregressive(2, width=0, key=k), "width=0"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(build, message, key):
    with pytest.raises(ValueError, match=message):
        build(key)
