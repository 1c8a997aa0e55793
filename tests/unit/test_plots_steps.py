"""The layer-by-layer picture follows the flow from the base to the data."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward import plots
from pushforward.bijections import Affine, Autoregressive, Chain, Flip, Inverse, Permute, Scale, Scan, Shift
from pushforward.distributions import Embedded, Normal, Transformed
from pushforward.plots._steps import _walk, steps_of

TWO = jnp.array([1.0, 2.0])


def _titles(*bijections) -> list[str]:
    return [step.title for step in steps_of(bijections)]


def _offsets(figure) -> list[np.ndarray]:
    return [np.asarray(axes.collections[0].get_offsets()) for axes in figure.axes]


def test_a_plain_chain_is_opened_and_reorderings_join_the_step_before():
    assert _titles(Chain([Scale(TWO), Flip((2,)), Shift(TWO)])) == ["Scale", "Shift"]


def test_layers_that_are_chains_are_one_step_each():
    layer = Chain([Inverse(Scale(TWO)), Shift(TWO), Permute([1, 0])])
    assert _titles(Chain([layer, layer])) == ["Scale + Shift"] * 2
    assert _titles(Scan([layer, layer, layer])) == ["Scale + Shift"] * 3
    assert _titles(Chain([Scan([layer, layer]), Scale(TWO)])) == ["Scale + Shift"] * 2 + ["Scale"]
    assert _titles(Scan([layer, layer]), Chain([Shift(TWO), Scale(TWO)])) == ["Scale + Shift"] * 2 + ["Shift + Scale"]


def test_the_last_panel_is_the_data_and_the_first_the_base(key: jax.Array):
    bijection = Chain([Scale(TWO), Permute([1, 0]), Shift(jnp.array([5.0, 0.0]))])
    found = steps_of([bijection])
    z = np.random.default_rng(0).normal(size=(10, 2))
    states = _walk(found, z, None)
    assert len(states) == 3
    np.testing.assert_allclose(states[-1], jax.vmap(bijection.forward)(z), rtol=1e-6)
    # The base is shown in the order in which its columns end.
    np.testing.assert_allclose(states[0], z[:, ::-1], rtol=1e-6)
    np.testing.assert_allclose(states[1], (z * TWO)[:, ::-1], rtol=1e-6)


@pytest.mark.parametrize("num_layers", [2, 12], ids=["chain", "scan"])
def test_every_layer_of_a_recipe_moves_the_points(key: jax.Array, num_layers: int):
    flow = pf.flows.realnvp(2, num_layers=num_layers, width=8, key=key)
    flow = jax.tree.map(lambda leaf: leaf + 0.1, flow)
    figure = plots.steps(flow, key, num_points=64, max_panels=num_layers + 1)
    panels = _offsets(figure)
    assert len(panels) == num_layers + 1
    assert all(np.abs(a - b).max() > 1e-3 for a, b in itertools.pairwise(panels))
    np.testing.assert_allclose(panels[-1], jax.vmap(flow.bijection.forward)(panels[0]), rtol=1e-3, atol=1e-4)


def test_of_many_layers_the_first_and_the_last_are_among_those_shown(key: jax.Array):
    flow = Transformed(Normal.standard((2,)), Scan([Shift(TWO)] * 12))
    figure = plots.steps(flow, key, num_points=20, max_panels=4)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["base", "4 Shift", "8 Shift", "12 Shift"]


def test_grid_lines_are_moved_like_the_points(key: jax.Array):
    figure = plots.steps(Transformed(Normal.standard((2,)), Affine(TWO, 3.0)), key, num_points=20)
    before, after = ([line.get_xydata() for line in axes.lines] for axes in figure.axes)
    np.testing.assert_allclose(np.array(after), np.array(before) * 3.0 + TWO, rtol=1e-5)


def test_maps_around_the_flow_are_steps_too(key: jax.Array):
    inner = Transformed(Normal.standard((2,)), Shift(TWO))
    figure = plots.steps(Transformed(inner, Scale(TWO)), key, num_points=20)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["base", "1 Shift", "2 Scale"]


def test_a_spread_near_one_belongs_to_the_layer_beside_it(key: jax.Array):
    flow = Transformed(Normal.standard((2,)), Chain([Scale(jnp.full(2, 1.2)), Shift(TWO)]))
    titles = [axes.get_title(loc="left") for axes in plots.steps(flow, key, num_points=20).axes]
    assert titles == ["base", "1 Shift"]


def test_the_condition_reaches_the_layers_through_its_embedding(key: jax.Array):
    layer = Autoregressive(Affine(), 2, width=8, depth=1, cond_dim=1, key=key)
    layer = jax.tree.map(lambda leaf: leaf + 0.3, layer)
    flow = Embedded(Transformed(Normal.standard((2,)), layer), Affine(jnp.ones(1), 2.0))
    shown = _offsets(plots.steps(flow, key, condition=jnp.array([3.0]), num_points=8))
    expected = jax.vmap(lambda z: layer.forward(z, jnp.array([1.0])))(shown[0])
    np.testing.assert_allclose(shown[1], expected, rtol=1e-4)


def test_three_columns_are_shown_without_a_grid(key: jax.Array):
    flow = Transformed(Normal.standard((3,)), Affine(jnp.zeros(3), 2.0))
    figure = plots.steps(flow, key, columns=(0, 2), num_points=20)
    assert not figure.axes[0].lines
    assert figure.axes[0].collections[0].get_offsets().shape == (20, 2)


def test_a_flow_that_cannot_be_walked_is_refused(key: jax.Array):
    with pytest.raises(ValueError, match="at least two columns"):
        plots.steps(Transformed(Normal.standard((1,)), Affine(jnp.zeros(1))), key)
    with pytest.raises(ValueError, match="needs a `Transformed`"):
        plots.steps(Normal.standard((2,)), key)
    with pytest.raises(ValueError, match=r"no column 2 among 2; they are 0 .. 1"):
        plots.steps(Transformed(Normal.standard((2,)), Shift(TWO)), key, columns=(0, 2))
