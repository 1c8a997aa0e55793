"""Each law finds the recipe that breaks it; right ones pass, and laws of what is built are told with the size."""

import subprocess
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pushforward import flows
from pushforward.bijections import AbstractElementwise, Affine, Chain, Standardize
from pushforward.distributions import Normal, Transformed
from pushforward.testing import LawError, check_recipe

FAST = {"dims": (2,)}


def right(dim: int, *, scale: float = 1.0, key: jax.Array) -> Transformed:
    loc = 0.1 * jax.random.normal(key, (dim,))
    return Transformed(Normal.standard((dim,)), Affine(loc, scale))


def takes_anything(dim, *, key, **kwargs):
    return right(dim, key=key)


def one_too_many(dim: int, *, key: jax.Array) -> Transformed:
    return right(dim + 1, key=key)


def of_numpy(dim: int, *, key: jax.Array) -> Transformed:
    return right(dim, key=jax.random.key(np.random.default_rng().integers(1000)))


def learns_nothing(dim: int, *, key: jax.Array) -> Transformed:
    return Transformed(Normal.standard((dim,)), Standardize(jax.random.normal(key, (dim,)), 1.0))


class WrongLogDet(AbstractElementwise):
    loc: jax.Array
    shape: tuple[int, ...] = eqx.field(static=True, default=(2,))
    forward_kind = "analytic"
    inverse_kind = "analytic"

    def _forward_pointwise(self, x):
        return 2.0 * x + self.loc, jnp.zeros_like(x)

    def _inverse_pointwise(self, x):
        return (x - self.loc) / 2.0, jnp.zeros_like(x)


def wrong_inside(dim: int, *, key: jax.Array) -> Transformed:
    return Transformed(Normal.standard((dim,)), Chain([WrongLogDet(jax.random.normal(key, (dim,)))]))


BROKEN = {
    one_too_many: "it builds at every size",
    of_numpy: "it builds under jit",
    learns_nothing: "it learns from data",
}


def laws_broken_by(recipe, **options) -> list[str]:
    with pytest.raises(LawError) as caught:
        check_recipe(recipe, **{**FAST, **options})
    return [failure.law for failure in caught.value.failures]


@pytest.mark.parametrize("build", BROKEN, ids=lambda build: build.__name__)
def test_exactly_the_law_that_is_broken_fails(build):
    assert set(laws_broken_by(flows.compiled(build) if build is not of_numpy else _checked(build))) == {BROKEN[build]}


def _checked(build):
    """As `compiled`, but run afresh every time, for a recipe that no program can hold."""

    def checked(dim: int, *, key: jax.Array) -> Transformed:
        if not isinstance(dim, int) or isinstance(dim, bool) or dim < 1:
            raise ValueError(f"`dim` must be a whole number from 1 on, got {dim!r}.")
        return build(dim, key=key)

    return checked


def test_a_recipe_that_checks_nothing_is_told_of():
    assert set(laws_broken_by(right)) == {"wrong options are refused in words"}


def test_options_by_any_name_are_told_of():
    assert "options are named one by one" in laws_broken_by(takes_anything)


def test_laws_of_the_flow_are_told_with_the_size():
    broken = laws_broken_by(flows.compiled(wrong_inside))
    assert "dim=2: log det is that of autodiff" in broken
    assert "dim=2: density integrates to one" in broken


def test_a_right_recipe_passes():
    assert "it learns from data" in check_recipe(flows.compiled(right), dims=(1, 2))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nsf", "maf", "realnvp", "circular-nsf"])
def test_recipes_of_the_library_pass(name):
    check_recipe(flows.RECIPES[name], options={"num_layers": 2, "width": 8})


def test_neither_pytest_nor_scipy_stats_is_needed():
    code = (
        "import sys, pushforward.testing; print({'pytest', 'hypothesis', 'scipy.stats', '_pytest'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
