"""Sizes of image flows where nobody says how large: they fit the pictures, and what is said stays."""

import dataclasses

import jax
import numpy as np
import pytest

import pushforward as pf
from pushforward._errors import DataError
from pushforward.flows import RECIPES
from pushforward.modalities.image._settings import ImageSettings
from pushforward.modalities.image._small import decided, told

SOME = np.random.default_rng(0).integers(0, 256, (40, 4, 4), dtype=np.uint8)
SIZED = [name for name, recipe in RECIPES.items() if recipe.small]
SHAPES = [(8, 8, 1), (16, 12, 1), (28, 28, 1), (32, 32, 3)]


def numbers(flow):
    """In all arrays, also where they are shapes alone."""
    return sum(leaf.size for leaf in jax.tree.leaves(flow))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", SIZED)
def test_the_small_size_fits_pictures_of_many_shapes_and_is_smaller_than_the_papers(name, shape):
    recipe, key = RECIPES[name], jax.random.key(0)
    assert recipe.small is not None
    small = recipe.small(shape)
    flow = jax.eval_shape(lambda key: recipe.build(shape, **small.options, key=key), key)
    assert flow.event_shape == shape
    assert 100 < numbers(flow) < 4e6  # most in the dense layers of nice-image
    assert set(small.options) <= set(recipe.options())


def test_every_image_flow_with_a_size_of_the_paper_has_a_small_one():
    assert {name for name, recipe in RECIPES.items() if recipe.events == "image"} - set(SIZED) == {"vae-image"}


def test_what_the_user_says_stays_and_the_rest_is_chosen():
    said = ImageSettings("glow", options={"width": 7}, ema=0.5, batch_size=50)
    settings = decided(said, (28, 28, 1), 1_000)
    assert settings.options == {"preset": "small", "num_levels": 2, "num_steps": 8, "width": 7, "equalize": True}
    assert settings.ema == 0.5
    assert (settings.batch_size, settings.max_epochs) == (50, 200)  # 900 pictures to an epoch, and 320,000 wanted
    assert decided(said, (28, 28, 1), 500_000).max_epochs == 1


@pytest.mark.parametrize(
    ("name", "shape", "preset", "batch", "epochs"),
    [
        ("glow", (28, 28, 1), "small", 16, 6),  # 320,000 pictures, 54,000 to an epoch
        ("nsf-image", (28, 28, 1), "small", 16, 6),
        ("glow", (8, 8, 1), "small", 64, 6),
        ("flowpp", (28, 28, 1), "small", 64, 1),
        ("glow", (28, 28, 1), "paper", 64, None),
        ("vae-image", (28, 28, 1), None, 64, None),
    ],
)
def test_batches_are_small_where_a_step_costs_what_its_pictures_do(name, shape, preset, batch, epochs):
    said = ImageSettings(name, options=preset and {"preset": preset}, validation=0.1)
    settings = decided(said, shape, 60_000)
    assert (settings.batch_size, settings.max_epochs) == (batch, epochs)
    assert decided(dataclasses.replace(said, batch_size=0), shape, 60_000).batch_size == 0  # which `fit` refuses
    more = decided(dataclasses.replace(said, batch_size=100), shape, 60_000)
    assert (more.batch_size, more.max_epochs) == (100, epochs)


@pytest.mark.parametrize("said", [{"noise": 0.05}, {"alpha": 0.05}, {"alpha": None}, {"equalize": False}], ids=str)
def test_noise_or_a_logit_that_is_asked_for_takes_the_place_of_the_histogram(said):
    options = decided(ImageSettings("tarflow-image", options=said), (8, 8, 1), 100).options or {}
    assert not options.get("equalize", False)
    assert (decided(ImageSettings("tarflow-image"), (8, 8, 1), 100).options or {})["equalize"]


@pytest.mark.parametrize("said", [{}, {"preset": "small"}, {"preset": "paper"}, {"width": 7}], ids=str)
def test_what_is_decided_is_not_decided_again(said):
    once = decided(ImageSettings("glow", options=said), (28, 28, 1), 1_000)
    assert dataclasses.asdict(decided(once, (28, 28, 1), 1_000)) == dataclasses.asdict(once)


def test_the_papers_size_is_trained_where_it_is_asked_for():
    paper = {"preset": "paper", "width": 8}
    model = pf.ImageDensity("nice-image", options=paper, max_epochs=1, random_state=0).fit(SOME)
    recipe = jax.eval_shape(lambda key: pf.flows.nice_image((4, 4, 1), width=8, key=key), jax.random.key(0))
    assert numbers(model.flow_) == numbers(recipe)
    assert model._fitted.settings["options"] == paper
    assert model._fitted.settings["ema"] is None


def test_what_was_chosen_is_said_beside_the_papers():
    said = ImageSettings("glow", options={"width": 7})
    text = told(decided(said, (8, 8, 1), 1_797), said)
    assert "num_steps=8" in text
    assert "the paper has num_levels=3, num_steps=32, equalize=False: --set preset=paper" in text
    assert "width" not in text
    assert "batches" not in text
    assert "and at most 6 epochs in batches of 16: for" in told(decided(said, (28, 28, 1), 60_000), said)
    paper = ImageSettings("glow", options={"preset": "paper"})
    assert told(decided(paper, (8, 8, 1), 1_797), paper) == ""


def test_an_unknown_preset_is_named():
    with pytest.raises(DataError, match="unknown preset 'big'"):
        decided(ImageSettings("glow", options={"preset": "big"}), (8, 8, 1), 100)


def test_a_model_keeps_what_was_chosen():
    model = pf.ImageDensity("nice-image", options={"width": 8}, max_epochs=1, random_state=0).fit(SOME)
    assert model._fitted.settings["options"] == {"preset": "small", "width": 8, "depth": 3}
    assert model._fitted.settings["ema"] == 0.99
