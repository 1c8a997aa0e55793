"""How recipes are trained by default, and what a recipe's kinds are made of."""

import inspect

import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward._params import count_parameters
from pushforward.flows import RECIPES, Training
from pushforward.modalities._learn import training_of
from pushforward.modalities._settings import Settings


def test_a_recipe_says_how_it_is_trained_unless_the_user_does():
    own = RECIPES["flow-matching"].training
    assert own != Training()
    assert training_of(Settings("flow-matching")) == vars(own)
    asked = training_of(Settings("flow-matching", max_epochs=7, ema=0))
    assert asked == vars(own) | {"max_epochs": 7, "ema": None}


def test_a_flow_of_the_users_own_is_trained_as_fit_trains():
    library = inspect.signature(pf.fit).parameters
    assert training_of(Settings(pf.flows.bnaf)) == {name: library[name].default for name in vars(Training())}


def test_an_estimator_takes_the_learning_rate_of_the_recipe():
    x = pf.data.moons(200)
    rates = [
        max(epoch.learning_rate for epoch in pf.FlowDensity("sylvester", **given).fit(x).history_)
        for given in (FEW, FEW | {"learning_rate": 1e-3})
    ]
    assert 1e-2 < rates[0] <= RECIPES["sylvester"].training.learning_rate
    assert rates[1] <= 1e-3


FEW = {"options": {"num_layers": 2}, "max_epochs": 3, "random_state": 0}


def test_the_kinds_of_a_recipe_are_those_of_what_it_builds():
    assert RECIPES["made"].kinds() == RECIPES["maf-orders"].kinds() == ("analytic", "sequential")
    assert RECIPES["iaf"].kinds() == ("sequential", "analytic")
    assert RECIPES["umnn"].kinds() == ("analytic", "sequential")
    assert RECIPES["planar"].kinds() == ("iterative", "analytic")


def test_iaf_starts_from_a_gaussian_that_is_learned(key):
    assert count_parameters(RECIPES["iaf"].build(2, key=key).base) == 4


@pytest.mark.parametrize("gate", [1.5, 4.0])
def test_layers_of_iaf_begin_as_their_gates(gate, key):
    flow = RECIPES["iaf"].build(3, num_layers=2, gate=gate, key=key)
    z = jnp.array([0.5, -1.0, 2.0])
    x, log_det = flow.bijection.forward_and_log_det(z)
    assert x == pytest.approx(np.asarray(z) / (1 + np.exp(-gate)) ** 2, rel=1e-5)
    assert log_det == pytest.approx(-6 * np.log1p(np.exp(-gate)), rel=1e-5)


@pytest.mark.parametrize("name", ["maf", "nsf"])
def test_a_network_without_units_is_refused(name, key):
    with pytest.raises(ValueError, match="`width` must be at least 1, got 0"):
        RECIPES[name].build(2, width=0, key=key)


SIZES = ["width", "num_layers", "num_steps", "num_levels", "num_components", "num_bins", "num_heads", "patch"]
CONDITIONAL_ONLY = {"planar", "radial", "sylvester", "gaussianization", "gaussian", "affine"}
"""Of these, networks see conditions alone, and without one there is none."""


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_a_size_of_zero_is_refused_by_name(name, key):
    recipe = RECIPES[name]
    sizes = [size for size in SIZES if size in inspect.signature(recipe.build).parameters]
    for size in sizes:
        if size == "width" and name in CONDITIONAL_ONLY:
            continue
        with pytest.raises(ValueError, match=r"must be at least [12]|at least one"):
            recipe.build(recipe.example, key=key, **{size: 0})
