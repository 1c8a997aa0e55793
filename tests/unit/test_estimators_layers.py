"""Samples layer by layer: noise first, images last, every number at its place in between."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward import bijections as b
from pushforward._errors import DataError
from pushforward.data import Images
from pushforward.modalities._states import states
from pushforward.modalities.image._layers import shaded


@pytest.fixture(scope="module")
def model():
    draws = np.random.default_rng(0).integers(0, 16, (40, 4, 4, 1), dtype=np.uint8)
    images = Images(draws, 16, labels=np.arange(40) % 2, label_names=("even", "odd"))
    options = {"num_levels": 2, "num_steps": 2, "width": 4}
    return pf.ImageDensity("glow", options=options, conditional=True, max_epochs=1, random_state=0).fit(images)


def test_the_last_state_is_a_sample_and_the_first_its_noise(model):
    labels = ["odd", "even", "odd"]
    way = model.layers(3, 8, random_state=1, y=labels)
    assert way.images.shape == (3, 6, 4, 4, 1)  # four couplings, and the prior between the levels
    assert way.titles == ("noise", *(f"layer {n}" for n in range(1, 5)), "image")
    np.testing.assert_allclose(way.images[:, -1], model.sample(3, random_state=1, y=labels), atol=1)
    noise = way.images[:, 0]
    assert abs(noise.mean() - 7.5) < 1.0
    assert 0 <= way.images.min() < way.images.max() <= 15


def test_columns_are_spread_over_the_layers(model):
    assert model.layers(1, 3, random_state=1, y="odd").titles == ("noise", "layer 2", "image")
    assert len(model.layers(1, 2, random_state=1, y="odd").titles) == 2
    with pytest.raises(DataError, match="1 sample and 2 columns or more, got 0 and 1"):
        model.layers(0, 1, y="odd")
    with pytest.raises(DataError, match="conditional on a label"):
        model.layers(1)


def test_numbers_that_are_not_reached_stand_at_their_place_as_noise():
    """Two levels that add 100 and 1000: after the first, half of the pixels are moved."""
    flow = b.MultiScale(
        [
            b.Shift(jnp.full((1, 1, 2), 100.0)),
            b.Chain([b.Shift(jnp.full((1, 1, 4), 1000.0)), b.Inverse(b.Squeeze((2, 2, 1)))]),
        ]
    )
    z = jnp.arange(4.0)[:, None]
    found = [np.asarray(image).ravel().tolist() for _, image in states(flow, z, None, 9)]
    assert found[0] == [0.0, 1.0, 2.0, 3.0]
    assert found[-1] == [1100.0, 1101.0, 1002.0, 1003.0]


def test_every_image_flow_is_drawn(key):
    for name, options in {
        "residual-image": {"num_layers": 2, "width": 4, "num_levels": 2},
        "mintnet-image": {"num_layers": 2, "width": 2, "num_levels": 2},
        "nice-image": {"width": 4, "depth": 1},
        "tarflow-image": {},
    }.items():
        recipe = pf.flows.RECIPES[name]
        small = {"num_layers": 2, "width": 4, "depth": 1, "num_heads": 1}
        options = options or {option: small[option] for option in small if option in recipe.options()}
        flow = jax.eval_shape(lambda k, r=recipe, o=options: r.build((4, 4, 1), key=k, grey_levels=16, **o), key)
        z = jax.ShapeDtypeStruct((*flow.bijection.in_shape, 3), jnp.float32)
        shapes = jax.eval_shape(lambda f, z: [image for _, image in states(f.bijection, z, None, 8)], flow, z)
        assert len(shapes) > 2, name
        assert {shape.shape for shape in shapes} == {(3, 4, 4, 1)}, name


def test_shades_are_relative_to_the_spread():
    values = np.array([-10.0, 0.0, 10.0])
    assert shaded(values, 3).tolist() == pytest.approx(
        [2 * (0.5 - 0.5 / 2.5 * 1.2247449), 1.0, 2 * (0.5 + 0.5 / 2.5 * 1.2247449)]
    )
    assert np.all(shaded(np.zeros(3), 3) == 1.0)
